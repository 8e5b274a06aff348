/// Rewards that follow from the texts alone: length, lexicon, command and endpoint.
package struct TextRewards {
    private enum Work {
        case length(Double)
        case lexicon(Lexicon)
        case command(RewardCommand)
        case endpoint(RewardEndpoint)
    }

    private let work: Work
    /// The cache's key for what decides a reward beside the two texts: the SPEC and what the files it names hold.
    package let identity: String
    /// Whether rewards are worth keeping: those that cost more than a look-up.
    package let isKept: Bool

    /// - Throws: `RewardError`; nothing is asked yet, so a wrong SPEC costs nothing.
    package init(_ source: RewardSource) throws(RewardError) {
        switch source {
        case .length(let factor): (work, identity, isKept) = (.length(factor), "length \(factor)", false)
        case .lexicon(let path): (work, identity, isKept) = (.lexicon(try Lexicon(path: path)), "lexicon", false)
        case .command(let command):
            (work, identity, isKept) = (.command(try RewardCommand(command)), "command \(command)", true)
        case .endpoint(let url, let model, let promptFile):
            let endpoint = try RewardEndpoint(url: url, model: model, promptFile: promptFile)
            (work, identity, isKept) = (.endpoint(endpoint), endpoint.identity, true)
        case .model(let path), .implicit(let path, _, _):
            throw .spec(path, problem: "a model's rewards don't follow from the texts alone")
        }
    }

    /// Rewards of texts, told in their order as they come.
    /// - Throws: `RewardError.failed`; those told before are right.
    package func rewards(
        of texts: [RatedText], each tell: (_ index: Int, _ reward: Double) throws(RewardError) -> Void
    ) throws(RewardError) {
        switch work {
        case .command(let command): try command.rewards(of: texts, each: tell)
        case .length(let factor):
            for (index, text) in texts.enumerated() {
                try tell(index, factor * Double(text.response.unicodeScalars.count))
            }
        case .lexicon(let lexicon):
            for (index, text) in texts.enumerated() { try tell(index, lexicon.reward(of: text.response)) }
        case .endpoint(let endpoint):
            for (index, text) in texts.enumerated() { try tell(index, try endpoint.reward(of: text)) }
        }
    }
}
