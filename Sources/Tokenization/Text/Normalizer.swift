/// Changes a text before it is cut into pieces.
indirect enum Normalizer: Sendable {
    case unicode(UnicodeNormalization)
    case lowercase
    case prepend([UInt8])
    case replace(TextPattern, by: [UInt8])
    case strip(left: Bool, right: Bool)
    case stripAccents
    case precompiled(CharacterMap)
    case sequence([Normalizer])

    init?(_ field: FileField) throws(TokenizerError) {
        guard !field.isNull else { return nil }
        switch try field.type() {
        case "Sequence":
            var steps: [Normalizer] = []
            for part in try field["normalizers"].list() {
                guard let step = try Normalizer(part) else { throw part.inconsistent("is null; expected a normalizer") }
                steps.append(step)
            }
            self = .sequence(steps)
        case "Lowercase": self = .lowercase
        case "Prepend": self = .prepend(Array(try field["prepend"].string().utf8))
        case "Replace":
            self = .replace(try TextPattern(field["pattern"]), by: Array(try field["content"].string().utf8))
        case "StripAccents": self = .stripAccents
        case "Precompiled": self = .precompiled(try CharacterMap(field["precompiled_charsmap"]))
        case "Strip": self = .strip(left: try field["strip_left"].bool(), right: try field["strip_right"].bool())
        case let type:
            guard let form = UnicodeNormalization.Form(rawValue: type) else {
                throw field.unsupported(
                    "the normalizer \(type)",
                    supported: "NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace, Strip, StripAccents, Precompiled, "
                        + "Sequence")
            }
            self = .unicode(UnicodeNormalization(form))
        }
    }

    /// - Parameters:
    ///   - goesOn: whether the text goes on with one that was normalised before it.
    ///   - allowance: what searches of the text may still cost.
    /// - Throws: `Fault` for a search that takes too long.
    func apply(
        to text: inout AlignedText, goesOn: Bool = false, _ allowance: inout RegularExpression.Allowance
    ) throws(RegularExpression.Fault) {
        switch self {
        case .sequence(let steps): for step in steps { try step.apply(to: &text, goesOn: goesOn, &allowance) }
        case .unicode(let normalization): normalization.apply(to: &text)
        case .prepend(let prefix): if !goesOn { text = text.prepending(prefix, to: text.bytes.indices) }
        case .stripAccents: stripAccents(&text)
        case .precompiled(let map): map.apply(to: &text)
        case .replace(let pattern, let content): try replace(pattern, by: content, in: &text, &allowance)
        case .strip(let left, let right): strip(&text, left: left, right: right)
        case .lowercase: lowercase(&text)
        }
    }

    /// Normalises a text.
    func applied(to text: String) throws(RegularExpression.Fault) -> [UInt8] {
        let bytes = Array(text.utf8)
        var aligned = bytes.withUnsafeBufferPointer { AlignedText($0, at: 0) }
        var allowance = RegularExpression.Allowance(bytes: bytes.count)
        try apply(to: &aligned, &allowance)
        return aligned.bytes
    }

    private func replace(
        _ pattern: TextPattern, by content: [UInt8], in text: inout AlignedText,
        _ allowance: inout RegularExpression.Allowance
    ) throws(RegularExpression.Fault) {
        let matches = try text.bytes.withUnsafeBufferPointer { bytes throws(RegularExpression.Fault) in
            try pattern.matches(in: bytes, [bytes.indices], &allowance)[0]
        }
        guard !matches.isEmpty else { return }
        var result = AlignedText()
        result.reserve(text.bytes.count + matches.count * content.count)
        var place = 0
        for match in matches {
            result.append(place..<match.lowerBound, of: text)
            if !content.isEmpty { result.append(content, standingFor: text.origin(at: max(0, match.upperBound - 1))) }
            place = match.upperBound
        }
        result.append(place..<text.bytes.count, of: text)
        text = result
    }

    private func strip(_ text: inout AlignedText, left: Bool, right: Bool) {
        let kept = text.bytes.withUnsafeBufferPointer { bytes in
            let start = left ? bytes.spaceEnd(from: 0) : 0
            return start..<(right ? max(start, bytes.spaceStart(before: bytes.count)) : bytes.count)
        }
        if kept != text.bytes.indices { text = AlignedText(text, kept) }
    }

    /// Leaves out the combining marks, whichever letters they stand on: those of the Unicode version that the library
    /// normalises by.
    private func stripAccents(_ text: inout AlignedText) {
        var result = AlignedText()
        var place = 0
        text.bytes.withUnsafeBufferPointer { bytes in
            while place < bytes.count {
                let (value, width) = bytes.scalar(at: place)
                if !UnicodeNormalization.isMark(value) {
                    result.append(place..<place + width, of: text)
                }
                place += width
            }
        }
        text = result
    }

    private func lowercase(_ text: inout AlignedText) {
        var result = AlignedText()
        var place = 0
        text.bytes.withUnsafeBufferPointer { bytes in
            while place < bytes.count {
                let (value, width) = bytes.scalar(at: place)
                let mapped = Unicode.Scalar(known: value).properties.lowercaseMapping
                result.append(mapped.utf8, standingFor: text.origin(at: place))
                place += width
            }
        }
        text = result
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// The end of the white space that starts at a place.
    func spaceEnd(from start: Int) -> Int {
        var place = start
        while place < count {
            let (value, width) = scalar(at: place)
            guard ScalarClassTable.unicode[value].isAny(of: .space) else { break }
            place += width
        }
        return place
    }

    /// The start of the white space that ends at a place.
    func spaceStart(before end: Int) -> Int {
        var place = end
        while place > 0 {
            let start = scalarStart(at: place - 1)
            guard ScalarClassTable.unicode[scalar(at: start).value].isAny(of: .space) else { break }
            place = start
        }
        return place
    }
}
