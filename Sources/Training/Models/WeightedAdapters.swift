import Checkpoints

extension AdapterConfig {
    /// The advice on an adapter that holds those of all weights; nil for a plain one.
    package func remedyForWeights(adapter: String, model: String) -> String? {
        guard !objectives.isEmpty else { return nil }
        return "\(adapter): is an adapter for any weights of \(objectives.joined(separator: ", ")); make a plain one of those that "
            + "you want: " + AdapterConfig.mergeCommand(of: objectives, adapter: adapter, model: model)
    }

    /// The command that makes a plain adapter of one for any weights: of equal ones, for the user to change.
    static func mergeCommand(of objectives: [String], adapter: String, model: String) -> String {
        let equal = (100 / Double(objectives.count)).rounded() / 100
        return "swift-prefopt merge --model \(model) --adapter \(adapter) --weights "
            + objectives.map { "\($0):\(equal)" }.joined(separator: " ") + " --as-adapter --output DIR"
    }
}
