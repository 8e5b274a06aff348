import Glibc

/// All texts of up to so many tokens of a small vocabulary, where token 0 ends a text: what a policy over them can be summed
/// over exactly.
struct EnumerableTexts {
    let vocabulary: Int
    let texts: [[Int]]
    /// Every beginning after which a token is drawn, with its place.
    let prefixes: [[Int]: Int]

    init(vocabulary: Int, length: Int) {
        self.vocabulary = vocabulary
        var (texts, prefixes, open): ([[Int]], [[Int]: Int], [[Int]]) = ([], [:], [[]])
        while let prefix = open.popLast() {
            prefixes[prefix] = prefixes.count
            for token in 0..<vocabulary {
                let text = prefix + [token]
                if token == 0 || text.count == length { texts.append(text) } else { open.append(text) }
            }
        }
        (self.texts, self.prefixes) = (texts, prefixes)
    }

    /// For each token of a text, the place of what stands before it.
    func steps(of text: [Int]) -> [(prefix: Int, token: Int)] {
        text.indices.map { (prefixes[Array(text[..<$0])] ?? 0, text[$0]) }
    }
}

/// A softmax at every prefix with a logit of its own for every token: any distribution over the texts is one.
struct TabularPolicy {
    let texts: EnumerableTexts
    /// [prefix][token]
    var logits: [[Double]]

    init(_ texts: EnumerableTexts, logit: (_ prefix: Int, _ token: Int) -> Double = { _, _ in 0 }) {
        self.texts = texts
        logits = (0..<texts.prefixes.count).map { prefix in (0..<texts.vocabulary).map { logit(prefix, $0) } }
    }

    /// log π(y) of every text.
    var logps: [Double] {
        let steps = logits.map { ObjectiveTests.logSoftmax($0) }
        return texts.texts.map { text in texts.steps(of: text).reduce(0) { $0 + steps[$1.prefix][$1.token] } }
    }

    /// ∂f/∂logits of a function of the logps whose derivatives by them are given.
    func gradient(_ slopes: [Double]) -> [[Double]] {
        gradient(
            of: zip(texts.texts, slopes).flatMap { text, slope in
                texts.steps(of: text).map { ($0.prefix, $0.token, slope) }
            })
    }

    /// The same of a function of single tokens' logps.
    func gradient(of steps: [(prefix: Int, token: Int, slope: Double)]) -> [[Double]] {
        var gradient = logits.map { $0.map { _ in 0.0 } }
        var through = [Double](repeating: 0, count: logits.count)
        for step in steps {
            gradient[step.prefix][step.token] += step.slope
            through[step.prefix] += step.slope
        }
        for prefix in logits.indices {
            for (token, logp) in ObjectiveTests.logSoftmax(logits[prefix]).enumerated() {
                gradient[prefix][token] -= through[prefix] * exp(logp)
            }
        }
        return gradient
    }

    /// Steps down a gradient whose lengths are Barzilai and Borwein's (IMA J. Numer. Anal. 8 (1988) 141), until the gradient
    /// vanishes.
    ///
    /// - Parameters:
    ///   - slopes: ∂f/∂logps of what is minimised, given all logps.
    ///   - visit: sees the logps before each step.
    mutating func descend(
        firstStep: Double, steps: Int = 2000, _ slopes: (_ logps: [Double]) -> [Double],
        visit: (_ logps: [Double]) -> Void = { _ in }
    ) {
        var former: (logits: [[Double]], gradient: [[Double]])?
        for _ in 0..<steps {
            let logps = logps
            visit(logps)
            let gradient = gradient(slopes(logps))
            guard gradient.joined().contains(where: { abs($0) > 1e-14 }) else { return }
            var length = firstStep
            if let former {
                let moved = zip(logits.joined(), former.logits.joined()).map { $0 - $1 }
                let bent = zip(gradient.joined(), former.gradient.joined()).map { $0 - $1 }
                let curvature = zip(moved, bent).reduce(0) { $0 + $1.0 * $1.1 }
                if curvature > 0 { length = moved.reduce(0) { $0 + $1 * $1 } / curvature }
            }
            former = (logits, gradient)
            for prefix in logits.indices {
                for token in logits[prefix].indices { logits[prefix][token] -= length * gradient[prefix][token] }
            }
        }
    }
}
