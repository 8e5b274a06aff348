import Preferences
import Storage
import Training

/// `data.json`: how many rows a run's data have, what was dropped, what is there twice, how long things are.
enum DataRecord {
    static let fileName = "data.json"

    /// - Throws: `StorageError`.
    static func write(_ run: TrainingRun, to folder: String) throws(StorageError) {
        let nothing = InspectedPairs(count: 0, marks: .brackets, tokenizer: nil)
        let train = InspectedSet(run.train.set, title: "train", nothing)
        var json: JSONObject = [
            "mapping": .array(run.dataLines.map { .string($0) }), "train": .object(train.json),
        ]
        if let held = run.evaluation {
            let evaluation = InspectedSet(held.set, title: "eval", nothing)
            json["eval"] = .object(evaluation.json)
            json["eval_prompts_in_train"] = .integer(evaluation.facts.promptsShared(with: train.facts))
        }
        try AtomicFile.write(JSON.object(json).prettyText, to: FileSystem.join(folder, fileName))
    }
}
