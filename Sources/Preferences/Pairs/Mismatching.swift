extension PreferenceSet {
    /// The responses of a batch's judgements, each behind the prompt of another row: the samples of KTO's KL estimate.
    ///
    /// The prompt of the i-th response with the response i + k of the batch, around its end; k is the most responses that one
    /// row has in it, 1 for labelled rows and 2 for pairs split in two, since a row's own response is no mismatch.
    /// - Parameter batch: judgements of single responses in step order, those of a row one after the other.
    package func mismatched(_ batch: [Judgement]) -> [Pairing] {
        let responses = batch.flatMap(\.responses)
        let counts = Dictionary(grouping: responses) { self.responses[$0].comparison }.mapValues(\.count)
        let shift = counts.values.max() ?? 1
        return responses.indices.compactMap { place in
            let other = responses[(place + shift) % responses.count]
            let isOwn = self.responses[responses[place]].comparison == self.responses[other].comparison
            return isOwn ? nil : Pairing(prompt: responses[place], response: other)
        }
    }

    /// Most tokens of a prompt with any response of the set; 0 without one.
    package var longestMismatched: Int {
        (comparisons.map(\.prompt.count).max() ?? 0) + (responses.map(\.tokens.count).max() ?? 0)
    }
}
