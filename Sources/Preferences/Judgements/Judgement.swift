import Objectives

/// A row's statement about its responses: what an objective judges the policy by, and what a step counts.
///
/// Responses are indices, into whichever array the holder says: a row's, a comparison's or a set's.
package enum Judgement: Sendable, Equatable {
    /// One response is better than another.
    case pair(Preference)
    /// Several responses, and which are better than which: at least one preference.
    case list([Preference])
    /// A response by itself: desirable or not.
    case labelled(Int, isDesirable: Bool)
    /// A response by itself, to be imitated.
    case demonstration(Int)
    /// A prompt by itself. The response is a place for what the policy will draw, as long as it may be.
    case prompt(Int)

    /// The responses it speaks of, each once: a pair's chosen one first, a list's in ascending order.
    package var responses: [Int] {
        switch self {
        case .pair(let pair): [pair.chosen, pair.rejected]
        case .list(let preferences): Set(preferences.flatMap { [$0.chosen, $0.rejected] }).sorted()
        case .labelled(let response, _), .demonstration(let response), .prompt(let response): [response]
        }
    }

    /// The response that is to become likelier: of a list the first that none is preferred to.
    package var best: Int {
        switch self {
        case .pair(let pair): pair.chosen
        case .list(let preferences):
            responses.first { response in !preferences.contains { $0.rejected == response } } ?? preferences[0].chosen
        case .labelled(let response, _), .demonstration(let response), .prompt(let response): response
        }
    }

    /// The same statement in terms of another array: `place` gives a response's index there.
    package func mapped(_ place: (Int) -> Int) -> Judgement {
        func mapped(_ pair: Preference) -> Preference {
            Preference(chosen: place(pair.chosen), rejected: place(pair.rejected))
        }
        return switch self {
        case .pair(let pair): .pair(mapped(pair))
        case .list(let preferences): .list(preferences.map(mapped))
        case .labelled(let response, let isDesirable): .labelled(place(response), isDesirable: isDesirable)
        case .demonstration(let response): .demonstration(place(response))
        case .prompt(let response): .prompt(place(response))
        }
    }
}

/// A row's statement about its responses, before anything is dropped.
enum Verdict: Equatable {
    /// Who beat whom.
    case ranking([Preference])
    /// Whether each response is desirable.
    case labels([Bool])
    /// The only response is to be imitated.
    case demonstration

    /// Makes statements of the kind that is wanted, each about as few responses as possible. Lists are put together from
    /// pairs, and pairs taken apart into labels, once what can't be used is gone (`Judged.assembled`).
    ///
    /// - Parameter kind: nil for what the row gives.
    /// - Returns: nil if rows like this one can't give that kind.
    func judgements(of kind: Judged?) -> [Judgement]? {
        switch (self, kind) {
        // A winner counts once, however many it beat.
        case (.ranking(let pairs), .demonstrations): Set(pairs.map(\.chosen)).sorted().map { .demonstration($0) }
        // Prompts are read without what a row says of its responses.
        case (_, .prompts): nil
        case (.ranking(let pairs), _): pairs.map { .pair($0) }
        case (.labels(let labels), .labelled), (.labels(let labels), nil):
            labels.enumerated().map { .labelled($0.offset, isDesirable: $0.element) }
        case (.labels(let labels), .demonstrations): labels.indices.filter { labels[$0] }.map { .demonstration($0) }
        case (.demonstration, .demonstrations), (.demonstration, nil): [.demonstration(0)]
        case (.labels, _), (.demonstration, _): nil
        }
    }
}

extension Judged {
    /// Judgements of this kind out of a row's usable pairs; judgements of single responses stay as they are.
    ///
    /// As labels, a response that only won is desirable and one that only lost isn't; one that did both has no label.
    func assembled(_ judgements: [Judgement]) -> [Judgement] {
        let pairs = judgements.compactMap { if case .pair(let pair) = $0 { pair } else { nil } }
        switch self {
        case .pairs, .demonstrations, .prompts: return judgements
        case .lists: return pairs.isEmpty ? judgements : [.list(pairs)]
        case .labelled:
            guard !pairs.isEmpty else { return judgements }
            let winners = Set(pairs.map(\.chosen))
            return winners.symmetricDifference(pairs.map(\.rejected)).sorted().map {
                .labelled($0, isDesirable: winners.contains($0))
            }
        }
    }
}
