import Modeling
import Preferences
import RunFiles

/// The inputs of a run's pairs: two runs that have them in common read the same pairs.
struct DataIdentity: Equatable {
    private let train: [DataFile]
    private let evaluation: [DataFile]
    private let tokenizerPath: String
    private let mapping: RowMapping
    private let rule: EncodingRule
    /// nil where every file is drawn a whole number of times.
    private let seed: UInt64?

    init(_ file: RunFile, tokenizerPath: String, shape: Architecture) {
        (train, evaluation) = (file.data.trainFiles, file.data.evalFiles)
        (self.tokenizerPath, mapping) = (tokenizerPath, file.data.mapping)
        rule = file.encodingRule(for: shape)
        seed = train.allSatisfy { $0.weight == $0.weight.rounded() } ? nil : file.data.seed
    }
}
