import Collectives
import Kernels
import Machine
import Modeling
import Statistics

/// A response that a model drew.
package struct DrawnResponse: Sendable, Equatable {
    /// With the token that ended it, if one did.
    package let tokens: [Int32]
    /// Whether an end token ended it.
    package let isFinished: Bool
}

/// Draws responses from a model as its weights are at the moment, by all ranks as they become free. What is drawn depends on the
/// prompt, its place and a key alone: not on the ranks, nor on what is drawn beside it.
package final class ResponseDrawing {
    private let generator: Generator<SplitMix64>
    private let communicator: Communicator

    /// - Parameters:
    ///   - texts: most that are drawn in one call.
    ///   - longestPrompt: tokens of the longest prompt to come.
    /// - Throws: on every rank alike. Collective.
    package init(
        _ transformer: Transformer, texts: Int, longestPrompt: Int, _ rules: GenerationRules,
        over communicator: Communicator
    ) throws {
        self.communicator = communicator
        let memory = communicator.min(communicator.neighbourhood.freeMemory / 2)
        generator = try communicator.failingTogether(status: { _ in 4 }) {
            // Without a bound on the tokens there is always a plan: at least one text goes on at a time.
            let plan = GenerationPlan(
                transformer.architecture, texts: texts, longestPrompt: longestPrompt, maxNewTokens: rules.maxNewTokens,
                memory: memory)
            guard let plan else {
                throw TrainingError.input("prompts of \(longestPrompt) tokens are too long to be answered")
            }
            return try Generator<SplitMix64>(transformer, plan, rules)
        }
    }

    /// Draws responses to prompts.
    ///
    /// - Parameters:
    ///   - prompts: the same on every rank.
    ///   - samples: responses to each.
    ///   - key: of this call's draws.
    ///   - progress: told on rank 0 now and then how many are done.
    /// - Returns: of each prompt its responses, on every rank. Collective.
    package func draw(
        _ prompts: [[Int32]], samples: Int = 1, key: UInt64, progress: (_ done: Int) -> Void = { _ in }
    ) -> [[DrawnResponse]] {
        let queue = WorkQueue(count: prompts.count, over: communicator)
        var words: [Int32] = []
        // (Nothing here throws.)
        try? generator.run(
            next: { mayWait in
                queue.next(mayWait: mayWait).map { place in
                    let start = SplitMix64.mixed(key ^ SplitMix64.mixed(UInt64(place)))
                    return GenerationRequest(
                        number: place, prompt: prompts[place],
                        randoms: (0..<samples).map { SplitMix64(state: SplitMix64.mixed(start ^ UInt64($0))) })
                }
            },
            finished: { end in
                queue.done += 1
                words += [
                    Int32(end.number), Int32(end.sample), end.ending == .endToken ? 1 : 0, Int32(end.tokens.count),
                ]
                words += end.tokens
            },
            round: {
                queue.serve()
                if communicator.isRoot { progress(queue.doneByAll) }
            })
        queue.close()
        let none = DrawnResponse(tokens: [], isFinished: false)
        var drawn = [[DrawnResponse]](repeating: Array(repeating: none, count: samples), count: prompts.count)
        for words in communicator.gather(words) {
            var start = 0
            while start < words.count {
                let tokens = start + 4..<start + 4 + Int(words[start + 3])
                drawn[Int(words[start])][Int(words[start + 1])] = DrawnResponse(
                    tokens: Array(words[tokens]), isFinished: words[start + 2] == 1)
                start = tokens.upperBound
            }
        }
        return drawn
    }
}
