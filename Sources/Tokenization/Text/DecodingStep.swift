/// One step from the tokens of a text back to the text: what `tokenizer.json` calls a decoder.
enum DecodingStep: Sendable {
    case byteLevel
    case replace(TextPattern, by: [UInt8])
    case byteFallback
    case fuse
    case strip([UInt8], start: Int, stop: Int)
    case metaspace(replacement: [UInt8], dropsFirst: Bool)

    static func parse(_ field: FileField) throws(TokenizerError) -> [DecodingStep] {
        switch try field.type() {
        case "Sequence":
            var steps: [DecodingStep] = []
            for part in try field["decoders"].list() { steps += try parse(part) }
            return steps
        case "ByteLevel": return [.byteLevel]
        case "ByteFallback": return [.byteFallback]
        case "Fuse": return [.fuse]
        case "Replace":
            return [.replace(try TextPattern(field["pattern"]), by: Array(try field["content"].string().utf8))]
        case "Strip":
            let content = Array(UTF8.encode(try field["content"].scalar())!)
            return [.strip(content, start: try field["start"].count(), stop: try field["stop"].count())]
        case "Metaspace":
            let scheme = try PreTokenizer.prependScheme(field)
            let replacement = Array(UTF8.encode(try field["replacement"].scalar())!)
            return [.metaspace(replacement: replacement, dropsFirst: scheme != .never)]
        case let type:
            throw field.unsupported(
                "the decoder \(type)", supported: "ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace, Sequence")
        }
    }

    /// Each token is UTF-8, and so is each result.
    func apply(to tokens: [[UInt8]]) -> [[UInt8]] {
        switch self {
        case .byteLevel:
            let bytes = tokens.flatMap { ByteAlphabet.bytes(of: $0) ?? $0 }
            return [Array(String(decoding: bytes, as: UTF8.self).utf8)]
        case .fuse: return [Array(tokens.joined())]
        case .byteFallback: return DecodingStep.joinBytes(tokens)
        case .replace(let pattern, let content):
            return tokens.map { DecodingStep.replace(pattern, by: content, in: $0) }
        case .strip(let content, let start, let stop):
            return tokens.map { token in
                var rest = token[...]
                for _ in 0..<start where rest.starts(with: content) { rest = rest.dropFirst(content.count) }
                for _ in 0..<stop where rest.suffix(content.count).elementsEqual(content) {
                    rest = rest.dropLast(content.count)
                }
                return Array(rest)
            }
        case .metaspace(let replacement, let dropsFirst):
            return tokens.enumerated().map { index, token in
                DecodingStep.replace(.literal(replacement), by: index == 0 && dropsFirst ? [] : [0x20], in: token)
            }
        }
    }

    private static func replace(_ pattern: TextPattern, by content: [UInt8], in token: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var place = 0
        var allowance = RegularExpression.Allowance(bytes: token.count)
        let matches = token.withUnsafeBufferPointer { bytes -> [Range<Int>]? in
            try? pattern.matches(in: bytes, [bytes.indices], &allowance)[0]
        }
        // As bytes that are not text: a token is decoded, whatever is in it.
        guard let matches else { return [0xEF, 0xBF, 0xBD] }
        for match in matches {
            result += token[place..<match.lowerBound]
            result += content
            place = match.upperBound
        }
        return result + token[place...]
    }

    /// Joins runs of tokens such as `<0xE2>` into text. A run that is not UTF-8 as a whole gives one replacement
    /// character per byte.
    private static func joinBytes(_ tokens: [[UInt8]]) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var run: [UInt8] = []
        func closeRun() {
            if String(validating: run, as: UTF8.self) != nil {
                if !run.isEmpty { result.append(run) }
            } else {
                result += repeatElement([0xEF, 0xBF, 0xBD], count: run.count)
            }
            run = []
        }
        for token in tokens {
            if let byte = fallbackByte(of: token) {
                run.append(byte)
            } else {
                closeRun()
                result.append(token)
            }
        }
        closeRun()
        return result
    }

    private static func fallbackByte(of token: [UInt8]) -> UInt8? {
        guard token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">") else { return nil }
        return UInt8(String(decoding: token[3..<5], as: UTF8.self), radix: 16)
    }
}
