/// A text on its way to the model, each byte of it knowing which scalars of the original text it stands for.
struct AlignedText {
    /// A range of bytes of the original text.
    struct Origin: Equatable {
        var start: Int32
        var end: Int32
    }

    /// UTF-8.
    private(set) var bytes: [UInt8]
    /// Where `bytes` starts in the original text, as long as nothing has been changed.
    private let base: Int
    /// One per byte, all bytes of a scalar alike; nil as long as nothing has been changed.
    private var origins: [Origin]?

    /// A part of the original text, unchanged.
    init(_ bytes: UnsafeBufferPointer<UInt8>, at base: Int) {
        self.bytes = Array(bytes)
        self.base = base
    }

    /// A part of another text.
    init(_ text: AlignedText, _ range: Range<Int>) {
        bytes = Array(text.bytes[range])
        base = text.base + range.lowerBound
        origins = text.origins.map { Array($0[range]) }
    }

    /// An empty text to be filled by `append`.
    init() {
        bytes = []
        base = 0
        origins = []
    }

    /// Scalars that were made of those of another text. Each one's `change` says how: as the scalars that went in are
    /// used up from left to right, 0 takes one of them, 1 takes none, −n takes one and n more.
    init(_ scalars: some Sequence<(value: UInt32, change: Int)>, madeOf origins: [Origin]) {
        self.init()
        var used = 0
        for (value, change) in scalars {
            let place = change > 0 ? used - 1 : used
            append(Unicode.Scalar(known: value), standingFor: origins[min(max(place, 0), origins.count - 1)])
            if change <= 0 { used += 1 - change }
        }
    }

    /// The range of the original text that each scalar stands for.
    var scalarOrigins: [Origin] {
        var result: [Origin] = []
        withBytes { bytes, _ in
            var place = 0
            while place < bytes.count {
                result.append(origin(at: place))
                place += bytes.scalar(at: place).width
            }
        }
        return result
    }

    /// The bytes, and the places that they came from, for a loop that looks at all of them.
    func withBytes(_ body: (UnsafeBufferPointer<UInt8>, Places) -> Void) {
        bytes.withUnsafeBufferPointer { bytes in
            guard let origins else { return body(bytes, Places(bytes: bytes, base: base, origins: nil, end: end)) }
            origins.withUnsafeBufferPointer { body(bytes, Places(bytes: bytes, base: base, origins: $0, end: end)) }
        }
    }

    /// The range of the original text that a range of bytes came from, widened to whole scalars.
    func origin(of range: Range<Int>) -> Range<Int> {
        var result = 0..<0
        withBytes { result = $1.origin(of: range) }
        return result
    }

    /// The origins of a text's bytes.
    struct Places {
        fileprivate let bytes: UnsafeBufferPointer<UInt8>
        fileprivate let base: Int
        fileprivate let origins: UnsafeBufferPointer<Origin>?
        fileprivate let end: Int32

        /// The range of the original text that a range of bytes came from, widened to whole scalars.
        @inline(__always)
        func origin(of range: Range<Int>) -> Range<Int> {
            guard !range.isEmpty else { return emptyOrigin(at: range.lowerBound) }
            if let origins {
                let start = Int(origins[range.lowerBound].start)
                // A library that reorders marks never makes this run backwards; a crafted file might.
                return start..<max(start, Int(origins[range.upperBound - 1].end))
            }
            return base + bytes.scalarStart(at: range.lowerBound)..<base + bytes.scalarEnd(at: range.upperBound)
        }

        private func emptyOrigin(at place: Int) -> Range<Int> {
            guard place < bytes.count else { return Int(end)..<Int(end) }
            let start = origins.map { Int($0[place].start) } ?? base + bytes.scalarStart(at: place)
            return start..<start
        }
    }

    private var end: Int32 { origins.map { $0.last?.end ?? 0 } ?? Int32(base + bytes.count) }

    /// The origin of the byte at a place.
    func origin(at place: Int) -> Origin {
        if let origins { return origins[place] }
        let (start, width) = bytes.withUnsafeBufferPointer {
            let start = $0.scalarStart(at: place)
            return (start, $0.scalar(at: start).width)
        }
        return Origin(start: Int32(base + start), end: Int32(base + start + width))
    }

    // MARK: - Building

    mutating func append(_ scalar: Unicode.Scalar, standingFor origin: Origin) {
        let old = bytes.count
        bytes.append(contentsOf: UTF8.encode(scalar)!)
        origins?.append(contentsOf: repeatElement(origin, count: bytes.count - old))
    }

    mutating func append(_ text: some Collection<UInt8>, standingFor origin: Origin) {
        bytes.append(contentsOf: text)
        origins?.append(contentsOf: repeatElement(origin, count: text.count))
    }

    mutating func append(_ range: Range<Int>, of text: AlignedText) {
        bytes.append(contentsOf: text.bytes[range])
        if let theirs = text.origins {
            origins?.append(contentsOf: theirs[range])
            return
        }
        text.bytes.withUnsafeBufferPointer { bytes in
            var place = range.lowerBound
            while place < range.upperBound {
                let start = bytes.scalarStart(at: place)
                let end = start + bytes.scalar(at: start).width
                let origin = Origin(start: Int32(text.base + start), end: Int32(text.base + end))
                while place < min(end, range.upperBound) {
                    origins?.append(origin)
                    place += 1
                }
            }
        }
    }

    mutating func reserve(_ count: Int) {
        bytes.reserveCapacity(count)
        origins?.reserveCapacity(count)
    }

    /// The same text with `prefix` in front, which stands for the first scalar; an empty text stays empty.
    func prepending(_ prefix: [UInt8], to range: Range<Int>) -> AlignedText {
        var result = AlignedText()
        guard !range.isEmpty else { return result }
        result.reserve(prefix.count + range.count)
        result.append(prefix, standingFor: origin(at: range.lowerBound))
        result.append(range, of: self)
        return result
    }
}
