import Storage

extension PreferenceSet {
    /// SHA-256 of all that training depends on: the token ids, the scored spans, the rows, the
    /// judgements and the scores.
    package func digest() -> Digest.Value {
        var digest = Digest()
        updateResponses(&digest)
        digest.update(numbers: [rows, judgements.count] + comparisons.map(\.row))
        digest.update(numbers: judgements.flatMap(\.numbers))
        for (name, values) in scores.sorted(by: { $0.key < $1.key }) {
            digest.update(field: name)
            digest.update(values)
        }
        for part in parts {
            digest.update(field: "loss \(part.lossWeight ?? -1) of \(part.preference ?? "")")
            digest.update(numbers: [part.comparisons.lowerBound, part.comparisons.upperBound])
        }
        return digest.finish()
    }

    private func updateResponses(_ digest: inout Digest) {
        digest.update(numbers: [comparisons.count, responses.count, tokens.count])
        digest.update(numbers: comparisons.flatMap { [$0.prompt.lowerBound, $0.prompt.upperBound] })
        digest.update(
            numbers: responses.flatMap {
                [$0.comparison, $0.tokens.lowerBound, $0.tokens.upperBound, $0.spans.head]
                    + $0.spans.gapNumbers.map { Int($0) }
            })
        for start in stride(from: 0, to: tokens.count, by: 1 << 16) {
            tokens[start..<min(tokens.count, start + 1 << 16)].withUnsafeBytes { digest.update($0) }
        }
    }
}

extension Judgement {
    /// The numbers that tell judgements apart. Those of pairs and demonstrations are in older checkpoints.
    fileprivate var numbers: [Int] {
        switch self {
        case .pair(let pair): [pair.chosen, pair.rejected]
        case .demonstration(let response): [response, -1]
        case .prompt(let response): [response, -5]
        case .labelled(let response, let isDesirable): [response, isDesirable ? -2 : -3]
        case .list(let preferences): [preferences.count, -4] + preferences.flatMap { [$0.chosen, $0.rejected] }
        }
    }
}

extension Digest {
    fileprivate mutating func update(numbers: [Int]) { update(numbers.map { Int64($0).littleEndian }) }

    /// The values' bytes as they lie in memory: little-endian on every machine this builds for.
    fileprivate mutating func update<Element: BitwiseCopyable>(_ values: [Element]) {
        values.withUnsafeBytes { update($0) }
    }
}
