import RunFiles
import Storage

/// The runs of `study front`: the ends, DPO on each objective's preferences, which are MODPO's margin models and the soups'
/// ingredients as well; then a run for each method and weight between them.
struct FrontRuns {
    let ends: SweepFile
    let between: SweepFile?

    private let study: FrontStudyFile
    private let lattice: WeightLattice

    /// - Throws: `RunFileError`, all faults at once, or `StorageError`.
    init(_ study: FrontStudyFile) throws {
        self.study = study
        lattice = WeightLattice(objectives: study.objectives.count, parts: study.lattice)
        let runs = FileSystem.join(study.outputDirectory, "runs")
        let metric = SweepMetric(name: "rewards/accuracies", isGreaterBetter: true)
        let common = [("max_steps", "\(study.steps)"), ("beta", "\(study.beta)"), ("seed", "\(study.seed)")]
        ends = try SweepFile(
            named: "study front", base: study.base, outputDirectory: FileSystem.join(runs, "ends"),
            runs: study.objectives.map { objective in
                (objective.name, common + [("loss_type", "sigmoid"), ("train_file", quoted(objective.trainFile))])
            }, metric: metric)
        let folders = ends.runs.map { FileSystem.join($0.file.model.outputDirectory ?? "", "final") }
        var planned: [(name: String, settings: [(String, String)])] = []
        for counts in lattice.counts where lattice.end(counts) == nil {
            if study.methods.contains(.modpo) {
                planned.append(
                    (
                        FrontRuns.name(.modpo, counts),
                        common + FrontRuns.modpo(study, counts, of: study.lattice, margins: folders)
                    ))
            }
            if study.methods.contains(.lossWeighting) {
                // Each data set drawn in proportion to its weight: the gradient's expectation is Σ w_k ∇L_k.
                let files = zip(study.objectives, counts).filter { $0.1 > 0 }
                    .map { "{path: \(quoted($0.0.trainFile)), weight: \($0.1)}" }
                planned.append(
                    (
                        FrontRuns.name(.lossWeighting, counts),
                        common + [("loss_type", "sigmoid"), ("train_file", "[\(files.joined(separator: ", "))]")]
                    ))
            }
        }
        between =
            planned.isEmpty
            ? nil
            : try SweepFile(
                named: "study front", base: study.base, outputDirectory: FileSystem.join(runs, "between"), runs: planned,
                metric: metric)
    }

    /// MODPO trains on the preferences of the objective of the greatest weight, since its loss divides by that; the others
    /// come in as margins, β log π/π_ref of their ends.
    private static func modpo(
        _ study: FrontStudyFile, _ counts: [Int], of parts: Int, margins folders: [String]
    ) -> [(String, String)] {
        let trained = counts.indices.max { (counts[$0], -$0) < (counts[$1], -$1) } ?? 0
        let used = counts.indices.filter { counts[$0] > 0 }
        let weights = used.map { "\(quoted(study.objectives[$0].name)): \(Double(counts[$0]) / Double(parts))" }
        let margins = used.filter { $0 != trained }.map {
            "\(quoted(study.objectives[$0].name)): {model: \(quoted(folders[$0])), beta: \(study.beta)}"
        }
        return [
            ("loss_type", "modpo"), ("train_file", quoted(study.objectives[trained].trainFile)),
            ("preference_name", quoted(study.objectives[trained].name)), ("weights", "{\(weights.joined(separator: ", "))}"),
            ("margins", "{\(margins.joined(separator: ", "))}"),
        ]
    }

    /// "modpo-1-3": the weights in parts.
    static func name(_ method: FrontStudyFile.Method, _ counts: [Int]) -> String {
        "\(method.rawValue)-" + counts.map { "\($0)" }.joined(separator: "-")
    }
}

/// A text as YAML has it between quotes.
private func quoted(_ text: String) -> String { JSON.string(text).text }
