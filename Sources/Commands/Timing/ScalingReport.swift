import Machine
import Storage

/// The findings of `scaling`, as a table, as JSON and as a plot.
package struct ScalingReport: Sendable {
    /// A trial beside the others.
    struct Row {
        let trial: ScalingJob.Trial
        /// Against the fastest trial of one rank.
        let speedUp: Double
        /// Speed-up over ranks.
        var efficiency: Double { speedUp / Double(trial.ranks) }
        /// Largest difference of a step's loss from the first trial of one rank.
        let lossDifference: Double
    }

    let rows: [Row]
    /// Pairs of a step.
    package let pairs: Int
    let isExact: Bool

    /// - Parameter trials: those of one rank first.
    init(_ trials: [ScalingJob.Trial], pairs: Int, isExact: Bool) {
        self.pairs = pairs
        self.isExact = isExact
        let alone = trials.filter { $0.ranks == 1 }.map(\.stepSeconds).min() ?? .nan
        let losses = trials.first?.losses ?? []
        rows = trials.map { trial in
            let differences = zip(trial.losses, losses).map { abs($0 - $1) }
            return Row(
                trial: trial, speedUp: alone / trial.stepSeconds, lossDifference: differences.max() ?? .nan)
        }
    }

    /// Each number of ranks with its fastest trial.
    var fastest: [Row] {
        Set(rows.map(\.trial.ranks)).sorted().compactMap { ranks in
            rows.filter { $0.trial.ranks == ranks }.max { $0.speedUp < $1.speedUp }
        }
    }

    private static let columns = [
        "ranks", "nodes", "accumulation", "tokens", "s/step", "speed-up", "efficiency", "reduced", "wait", "reduce",
        "loss ±",
    ]

    package var lines: [String] {
        func line(_ cells: [String]) -> String {
            zip(cells, ScalingReport.columns).map { pad($0, -max(9, $1.count)) }.joined(separator: " ")
        }
        return ["\(pairs) pairs a step; efficiency against the fastest trial of one rank; loss ± against the first one"]
            + [line(ScalingReport.columns)]
            + rows.map { row in
                let trial = row.trial
                return line([
                    "\(trial.ranks)", "\(trial.nodes)", "\(trial.accumulation)", "\(trial.largestMicroBatch)",
                    fixed(trial.stepSeconds, 3), fixed(row.speedUp, 2), fixed(100 * row.efficiency, 1) + " %",
                    trial.reducedBytes == 0 ? "-" : readableBytes(trial.reducedBytes),
                    fixed(100 * trial.waitShare, 1) + " %", fixed(100 * trial.reduceShare, 1) + " %",
                    scientific(row.lossDifference),
                ])
            }
    }

    package var json: JSON {
        .object([
            "global_batch_size": .integer(pairs), "reproducible": .bool(isExact),
            "trials": .array(
                rows.map { row in
                    let trial = row.trial
                    return .object([
                        "ranks": .integer(trial.ranks), "nodes": .integer(trial.nodes),
                        "gradient_accumulation": .integer(trial.accumulation),
                        "micro_batch_tokens": .integer(trial.microBatchTokens),
                        "largest_micro_batch": .integer(trial.largestMicroBatch),
                        "seconds_per_step": .number(trial.stepSeconds),
                        "seconds": .array(trial.seconds.map { .number($0) }),
                        "speed_up": .number(row.speedUp), "efficiency": .number(row.efficiency),
                        "reduced_bytes": .integer(trial.reducedBytes),
                        "wait_share": .number(trial.waitShare), "reduce_share": .number(trial.reduceShare),
                        "losses": .array(trial.losses.map { .number($0) }),
                        "largest_loss_difference": .number(row.lossDifference),
                    ])
                }),
        ])
    }

    /// Writes `scaling.json` and `scaling.svg`.
    ///
    /// - Throws: `StorageError`.
    package func write(to folder: String) throws(StorageError) {
        try FileSystem.makeDirectories(folder)
        try AtomicFile.write(json.prettyText, to: FileSystem.join(folder, "scaling.json"))
        try AtomicFile.write(ScalingPlot(self).figure.svg, to: FileSystem.join(folder, "scaling.svg"))
    }

    /// Zero as 0, anything else with its power of ten.
    private func scientific(_ value: Double) -> String {
        guard value != 0, value.isFinite else { return value == 0 ? "0" : "-" }
        var (mantissa, exponent) = (value, 0)
        while mantissa < 1 { (mantissa, exponent) = (10 * mantissa, exponent - 1) }
        while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
        return "\(fixed(mantissa, 1))e\(exponent)"
    }
}
