import Storage
import Training

/// Pairs with their logps under a policy and, where there are any, a reference: what `score` writes down.
struct PairScores {
    struct Response {
        /// P, in nats over the scored span.
        let logps: Double
        let referenceLogps: Double?
        /// n.
        let length: Double
        /// ā = P / n.
        var mean: Double { logps / length }
    }

    let pairs: [(chosen: Response, rejected: Response)]
    var responses: [Response] { pairs.flatMap { [$0.chosen, $0.rejected] } }

    /// - Throws: `StorageError`; `TrainingError.input` for a line that is no pair of scores, and for a file without any.
    init(_ path: String) throws {
        var pairs: [(chosen: Response, rejected: Response)] = []
        var lines = try LineReader(path: path)
        var line = 0
        while let bytes = try lines.next() {
            line += 1
            guard !bytes.isEmpty else { continue }
            guard let row = try? JSON.parse(bytes) else {
                throw TrainingError.input("\(path):\(line): not JSON; expected a line as swift-prefopt score writes it")
            }
            if row["dropped"] != nil { continue }
            guard let chosen = Response(row, "chosen"), let rejected = Response(row, "rejected") else {
                throw TrainingError.input(
                    "\(path):\(line): no pair of scores; expected policy_chosen_logps, policy_rejected_logps, chosen_length and "
                        + "rejected_length, as swift-prefopt score writes them for rows of pairs")
            }
            pairs.append((chosen, rejected))
        }
        guard !pairs.isEmpty else { throw TrainingError.input("\(path): no pairs; score rows with a chosen and a rejected response") }
        self.pairs = pairs
    }
}

extension PairScores.Response {
    fileprivate init?(_ row: JSON, _ side: String) {
        guard let logps = row["policy_\(side)_logps"]?.double, let length = row["\(side)_length"]?.double, length > 0,
            logps.isFinite
        else { return nil }
        (self.logps, self.length) = (logps, length)
        referenceLogps = row["reference_\(side)_logps"]?.double
    }
}
