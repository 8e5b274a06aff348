import COnig

/// A regular expression compiled by libonig, the engine of the `tokenizers` library, in that library's syntax.
///
/// libonig brings the Unicode of its own version (14 in Debian 12), the library's is 16: classes that differ are replaced
/// by their members (`UnicodeProperties`). Case folding (`(?i)`) stays libonig's, which knows no letters that
/// Unicode got later. A compiled expression is only read, so threads share it; what a search writes is its own.
package final class RegularExpression: @unchecked Sendable {
    package let text: String
    private let compiled: OnigRegex

    /// The reason to refuse a pattern, as a sentence without its end.
    package struct Refusal: Error {
        package let reason: String
    }

    /// A search that was given up.
    package struct Fault: Error {
        package let pattern: String
        package let reason: String
    }

    /// Limits how often the searches of one text may go back and try another way. It is enough for everything that grows
    /// with the text, and an end for what grows faster; what any pattern may for free isn't counted.
    package struct Allowance {
        private(set) var retries: Int

        package init(bytes: Int) { retries = 1 << 24 + 64 * bytes }

        /// Whether that many retries were left.
        fileprivate mutating func take(_ count: Int) -> Bool {
            retries -= count
            return retries >= 0
        }
    }

    /// Retries of one search that aren't counted.
    private static let freeRetries = 1024
    /// Places to return to that a search may keep at a time, some 40 bytes each.
    private static let deepestStack: UInt32 = 1 << 22

    /// - Throws: `Refusal` for what isn't a regular expression, or one whose matches couldn't be the library's.
    package init(_ text: String) throws(Refusal) {
        self.text = text
        guard Self.isReady else { throw Refusal(reason: "can't be compiled: libonig doesn't start") }
        compiled = try Self.compile(Array(try UnicodeProperties.spelledOut(in: text).utf8))
    }

    /// libonig, once it knows its encoding.
    private static let isReady = prefopt_onig_initialize() == ONIG_NORMAL

    deinit { onig_free(compiled) }

    private static func compile(_ pattern: [UInt8]) throws(Refusal) -> OnigRegex {
        var compiled: OnigRegex?
        var info = OnigErrorInfo()
        let reason: String? = pattern.withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress else { return "is empty" }
            let code = prefopt_onig_new(&compiled, start, start + bytes.count, &info)
            return code == ONIG_NORMAL ? nil : "is no regular expression: \(message(code, &info))"
        }
        if let reason { throw Refusal(reason: reason) }
        guard let compiled else { throw Refusal(reason: "can't be compiled") }
        return compiled
    }

    private static func message(_ code: Int32, _ info: UnsafeMutablePointer<OnigErrorInfo>?) -> String {
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(ONIG_MAX_ERROR_MESSAGE_LEN)) { buffer, count in
            count = Int(prefopt_onig_message(buffer.baseAddress, code, info))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The leftmost matches inside each of some ranges that don't overlap, in the library's order. A range is a text of its
    /// own, and a match may be empty unless it follows another at once.
    /// - Parameters:
    ///   - text: valid UTF-8; the ranges don't cut a scalar.
    ///   - allowance: what is left for this text.
    /// - Throws: `Fault` when it is used up, or a match needs too many places to return to.
    package func matches(
        in text: UnsafeBufferPointer<UInt8>, _ ranges: [Range<Int>], _ allowance: inout Allowance
    ) throws(Fault) -> [[Range<Int>]] {
        guard let base = text.baseAddress, let region = onig_region_new() else { return ranges.map { _ in [] } }
        defer { onig_region_free(region, 1) }
        guard let limits = onig_new_match_param() else { throw Fault(pattern: self.text, reason: "no memory") }
        defer { onig_free_match_param(limits) }
        onig_set_match_stack_limit_size_of_match_param(limits, Self.deepestStack)
        var search = Search(compiled: compiled, region: region, limits: limits)
        search.allow(Self.freeRetries)

        var found: [[Range<Int>]] = []
        found.reserveCapacity(ranges.count)
        for range in ranges {
            var matches: [Range<Int>] = []
            var place = range.lowerBound
            while place <= range.upperBound, !range.isEmpty {
                let result = search.next(base, range, from: place, &allowance)
                if result == ONIG_MISMATCH { break }
                guard result >= 0 else { throw Fault(pattern: self.text, reason: Self.message(result, nil)) }
                let start = range.lowerBound + Int(region.pointee.beg[0])
                let end = range.lowerBound + Int(region.pointee.end[0])
                if start == end, matches.last?.upperBound == end {
                    place = end < range.upperBound ? end + text.scalar(at: end).width : end + 1
                    continue
                }
                matches.append(start..<end)
                place = end
            }
            found.append(matches)
        }
        return found
    }

    /// One thread's search, and the limits that libonig was told.
    private struct Search {
        let compiled: OnigRegex
        let region: UnsafeMutablePointer<OnigRegion>
        let limits: OpaquePointer
        private var allowed = 0

        init(compiled: OnigRegex, region: UnsafeMutablePointer<OnigRegion>, limits: OpaquePointer) {
            self.compiled = compiled
            self.region = region
            self.limits = limits
        }

        mutating func allow(_ retries: Int) {
            guard retries != allowed else { return }
            allowed = retries
            onig_set_retry_limit_in_match_of_match_param(limits, UInt(retries))
            onig_set_retry_limit_in_search_of_match_param(limits, UInt(retries))
        }

        /// Searches from a place on; with four times the retries whenever they didn't suffice, as long as some are left.
        mutating func next(
            _ base: UnsafePointer<UInt8>, _ range: Range<Int>, from place: Int, _ allowance: inout Allowance
        ) -> Int32 {
            let (start, end) = (base + range.lowerBound, base + range.upperBound)
            defer { allow(RegularExpression.freeRetries) }
            while true {
                let result = onig_search_with_param(
                    compiled, start, end, base + place, end, region, ONIG_OPTION_NONE, limits)
                let isOver =
                    result == ONIGERR_RETRY_LIMIT_IN_MATCH_OVER || result == ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER
                guard isOver, allowance.take(allowed) else { return result }
                allow(allowed * 4)
            }
        }
    }
}
