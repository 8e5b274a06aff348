import Foundation

/// The four Unicode normalisation forms, with every scalar of the result knowing where it came from.
///
/// Decompositions come from Foundation, read once for all scalars and inverted to get compositions. The `tokenizers`
/// library normalises by Unicode 10: to it later scalars have no decomposition
/// and no combining class.
struct UnicodeNormalization: Sendable {
    enum Form: String, Sendable {
        case nfc = "NFC"
        case nfd = "NFD"
        case nfkc = "NFKC"
        case nfkd = "NFKD"
        var composes: Bool { self == .nfc || self == .nfkc }
        var isCompatible: Bool { self == .nfkc || self == .nfkd }
    }

    private let composes: Bool
    private let decompositions: [UInt32: [UInt32]]
    /// Keyed by the pair, the first scalar in the upper half.
    private let compositions: [UInt64: UInt32]
    /// One bit per scalar: set if a text of such scalars only is already normal.
    private let inert: [UInt64]

    private static let version = 10

    init(_ form: Form) {
        composes = form.composes
        let scalars = UnicodeNormalization.candidates()
        let canonical = UnicodeNormalization.decompose(scalars) { $0.decomposedStringWithCanonicalMapping }
        decompositions =
            form.isCompatible
            ? UnicodeNormalization.decompose(scalars) { $0.decomposedStringWithCompatibilityMapping } : canonical

        // The last scalar of a full decomposition is the second half of the pair; what precedes it is the full
        // decomposition of the first half.
        var compositions: [UInt64: UInt32] = [:]
        if form.composes {
            let whole = Dictionary(
                canonical.filter { !UnicodeNormalization.isExcluded($0.key) }.map { ($0.value, $0.key) },
                uniquingKeysWith: { min($0, $1) })
            for (parts, value) in whole where parts.count > 1 {
                let head = Array(parts.dropLast())
                guard let first = head.count == 1 ? head[0] : whole[head] else { continue }
                compositions[UInt64(first) << 32 | UInt64(parts[parts.count - 1])] = value
            }
        }
        self.compositions = compositions

        var inert = [UInt64](repeating: .max, count: 0x110000 / 64)
        func mark(_ value: UInt32) { inert[Int(value >> 6)] &= ~(1 << UInt64(value & 63)) }
        for scalar in scalars where UnicodeNormalization.combiningClass(scalar.value) != 0 { mark(scalar.value) }
        let composed = Set(compositions.values)
        for value in decompositions.keys where !composed.contains(value) || canonical[value] != decompositions[value] {
            mark(value)
        }
        for pair in compositions.keys { mark(UInt32(truncatingIfNeeded: pair)) }
        if form.composes {
            for value in Hangul.vowel { mark(value) }
            for value in Hangul.trail { mark(value) }
        } else {
            for value in Hangul.syllable { mark(value) }
        }
        self.inert = inert
    }

    func apply(to text: inout AlignedText) {
        let isNormal = text.bytes.withUnsafeBufferPointer { bytes in
            var place = 0
            while place < bytes.count {
                if bytes[place] < 0x80 {
                    place += 1
                    continue
                }
                let (value, width) = bytes.scalar(at: place)
                guard inert[Int(value >> 6)] >> UInt64(value & 63) & 1 == 1 else { return false }
                place += width
            }
            return true
        }
        if isNormal { return }

        let marks = decomposed(String(decoding: text.bytes, as: UTF8.self).unicodeScalars.map(\.value))
        let result = composes ? composed(marks) : marks
        text = AlignedText(result.lazy.map { ($0.value, $0.change) }, madeOf: text.scalarOrigins)
    }

    /// A scalar of the result, with its `change` as in `AlignedText`.
    private struct Mark {
        var value: UInt32
        var combiningClass: UInt8
        var change: Int
    }

    /// Full decompositions in canonical order.
    private func decomposed(_ scalars: [UInt32]) -> [Mark] {
        var result: [Mark] = []
        result.reserveCapacity(scalars.count)
        var runStart = 0
        func closeRun() {
            // Stable insertion by class: runs of marks are short, except in hostile text.
            if result.count - runStart > 1 {
                let run = result[runStart...].enumerated().sorted {
                    ($0.element.combiningClass, $0.offset) < ($1.element.combiningClass, $1.offset)
                }
                result.replaceSubrange(runStart..., with: run.map(\.element))
            }
            runStart = result.count
        }
        for scalar in scalars {
            let parts = Hangul.decompose(scalar) ?? decompositions[scalar] ?? [scalar]
            for (index, part) in parts.enumerated() {
                let combiningClass = UnicodeNormalization.combiningClass(part)
                if combiningClass == 0 { closeRun() }
                result.append(Mark(value: part, combiningClass: combiningClass, change: index == 0 ? 0 : 1))
                if combiningClass == 0 { runStart = result.count }
            }
        }
        closeRun()
        return result
    }

    private func composed(_ marks: [Mark]) -> [Mark] {
        var result: [Mark] = []
        result.reserveCapacity(marks.count)
        var starter: Int?
        for mark in marks {
            // A mark reaches its starter unless one of its own or a higher class, or another starter, stands between.
            if let starter, let last = result.last,
                starter == result.count - 1 || (last.combiningClass != 0 && last.combiningClass < mark.combiningClass),
                let value = composition(result[starter].value, mark.value)
            {
                result[starter].value = value
                result[starter].change += mark.change - 1
                continue
            }
            if mark.combiningClass == 0 { starter = result.count }
            result.append(mark)
        }
        return result
    }

    private func composition(_ first: UInt32, _ second: UInt32) -> UInt32? {
        Hangul.compose(first, second) ?? compositions[UInt64(first) << 32 | UInt64(second)]
    }

    // MARK: - Tables

    /// All scalars that may have a decomposition or a combining class: no ideographs, no Hangul syllables.
    private static func candidates() -> [Unicode.Scalar] {
        let ranges: [ClosedRange<UInt32>] = [
            0xA0...0x33FF, 0xA000...0xABFF, 0xF900...0xFFFF, 0x10000...0x1FFFF, 0x2F800...0x2FA1F,
        ]
        return ranges.flatMap { $0.compactMap(Unicode.Scalar.init) }.filter {
            guard let age = $0.properties.age else { return false }
            return age.major <= version
        }
    }

    /// The decompositions of those scalars that have one. One call for all, since a call costs more than its text.
    private static func decompose(_ scalars: [Unicode.Scalar], _ map: (String) -> String) -> [UInt32: [UInt32]] {
        var text = String.UnicodeScalarView()
        for scalar in scalars {
            text.append(scalar)
            text.append("\n")
        }
        var result: [UInt32: [UInt32]] = [:]
        let lines = map(String(text)).unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        for (scalar, line) in zip(scalars, lines) {
            let parts = line.map(\.value)
            if parts != [scalar.value] { result[scalar.value] = parts }
        }
        return result
    }

    /// Whether a scalar is a combining mark.
    static func isMark(_ value: UInt32) -> Bool {
        guard ScalarClassTable.unicode[value].isAny(of: .mark) else { return false }
        return Unicode.Scalar(known: value).properties.age.map { $0.major <= version } ?? false
    }

    private static func isExcluded(_ value: UInt32) -> Bool {
        Unicode.Scalar(known: value).properties.isFullCompositionExclusion
    }

    private static func combiningClass(_ value: UInt32) -> UInt8 {
        let properties = Unicode.Scalar(known: value).properties
        guard properties.canonicalCombiningClass != .notReordered, let age = properties.age, age.major <= version else {
            return 0
        }
        return properties.canonicalCombiningClass.rawValue
    }
}

/// Hangul syllables, whose parts follow from arithmetic (Unicode Standard, section 3.12).
private enum Hangul {
    static let syllable: ClosedRange<UInt32> = 0xAC00...0xD7A3
    static let lead: ClosedRange<UInt32> = 0x1100...0x1112
    static let vowel: ClosedRange<UInt32> = 0x1161...0x1175
    static let trail: ClosedRange<UInt32> = 0x11A8...0x11C2

    static func decompose(_ value: UInt32) -> [UInt32]? {
        guard syllable.contains(value) else { return nil }
        let index = value - syllable.lowerBound
        let parts = [lead.lowerBound + index / 588, vowel.lowerBound + index % 588 / 28]
        return index % 28 == 0 ? parts : parts + [trail.lowerBound - 1 + index % 28]
    }

    static func compose(_ first: UInt32, _ second: UInt32) -> UInt32? {
        if lead.contains(first), vowel.contains(second) {
            return syllable.lowerBound + (first - lead.lowerBound) * 588 + (second - vowel.lowerBound) * 28
        }
        if syllable.contains(first), (first - syllable.lowerBound) % 28 == 0, trail.contains(second) {
            return first + second - trail.lowerBound + 1
        }
        return nil
    }
}
