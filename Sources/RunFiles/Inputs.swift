extension RunFile {
    /// Files and folders that every rank reads, each once.
    package var inputs: [String] {
        let models = [self.model.path] + [self.adapters.path, self.model.tokenizerPath].compactMap { $0 } + namedModels
        let prompts = [self.rounds.promptsFile, self.samples.promptsFile].compactMap { $0 }
        let paths = models + (self.data.trainFiles + self.data.evalFiles).map(\.path) + prompts
        var known: Set<String> = []
        return paths.filter { known.insert($0).inserted }
    }

    /// Whether a run needs its reference's logps: for its objective, or for the implicit reward of a margin model.
    package var needsReferenceLogps: Bool {
        objective.needsReference
            || margins?.rewards.contains { if case .model = $0.source { true } else { false } } ?? false
    }

    /// The folders of the reference, if the run names one, and of the margin models.
    package var namedModels: [String] {
        let margins = (margins?.rewards ?? []).compactMap(\.source.modelPath)
        return (self.model.referencePath.map { [$0] } ?? []) + margins
    }
}
