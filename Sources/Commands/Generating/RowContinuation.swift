import Storage

/// A finished continuation of a row, as ranks exchange it and journals keep it.
struct RowContinuation: Equatable {
    /// Of a conversation that goes on: which of its answers, from 0.
    let turn: Int
    /// Of the row among those that are continued.
    let place: Int
    let sample: Int
    /// Whether a stop text ended it.
    let isStopped: Bool
    let ids: [Int32]

    // MARK: - Between ranks

    var words: [Int32] {
        [Int32(turn), Int32(place), Int32(sample), isStopped ? 1 : 0, Int32(ids.count)] + ids
    }

    static func list(of words: [Int32]) -> [RowContinuation] {
        var (list, start): ([RowContinuation], Int) = ([], 0)
        while start < words.count {
            let ids = start + 5..<start + 5 + Int(words[start + 4])
            list.append(
                RowContinuation(
                    turn: Int(words[start]), place: Int(words[start + 1]), sample: Int(words[start + 2]),
                    isStopped: words[start + 3] == 1, ids: Array(words[ids])))
            start = ids.upperBound
        }
        return list
    }

    // MARK: - In a journal

    var json: JSON {
        [
            "turn": .integer(turn), "place": .integer(place), "sample": .integer(sample), "stopped": .bool(isStopped),
            "ids": .array(ids.map { .integer(Int($0)) }),
        ]
    }

    /// - Returns: nil for a line that isn't whole.
    init?(line: [UInt8]) {
        guard let json = try? JSON.parse(line), let turn = json["turn"]?.integer, let place = json["place"]?.integer,
            let sample = json["sample"]?.integer, case .bool(let isStopped)? = json["stopped"],
            let ids = json["ids"]?.array
        else { return nil }
        let tokens = ids.compactMap { $0.integer.flatMap { Int32(exactly: $0) } }
        guard tokens.count == ids.count, !tokens.isEmpty else { return nil }
        self.init(turn: turn, place: place, sample: sample, isStopped: isStopped, ids: tokens)
    }

    init(turn: Int, place: Int, sample: Int, isStopped: Bool, ids: [Int32]) {
        (self.turn, self.place, self.sample) = (turn, place, sample)
        (self.isStopped, self.ids) = (isStopped, ids)
    }
}
