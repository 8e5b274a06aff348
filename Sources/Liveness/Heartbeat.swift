import Storage

/// A message between the ranks' watching threads, in one datagram.
package enum WatchMessage: Equatable {
    case heartbeat(Heartbeat)
    /// From a rank that keeps watch: it lives and hears.
    case answer(from: Int)
    /// The job is to end, and why.
    case verdict(String)

    /// - Parameter job: a word that only the ranks of this job know.
    package func bytes(job: String) -> [UInt8] {
        var json: JSONObject = ["job": .string(job)]
        switch self {
        case .heartbeat(let beat):
            json["rank"] = .integer(beat.rank)
            json["phase"] = .string(beat.phase)
            json["step"] = .integer(beat.step)
            json["waiting"] = .number(beat.waiting)
            if let stuck = beat.stuck { json["stuck"] = .string(stuck) }
        case .answer(let rank): json["answer"] = .integer(rank)
        case .verdict(let text): json["verdict"] = .string(text)
        }
        return Array(JSON.object(json).text.utf8)
    }

    /// Nil for what isn't a message of this job.
    package init?(bytes: [UInt8], job: String) {
        guard let json = try? JSON.parse(bytes), json["job"]?.string == job else { return nil }
        if let rank = json["answer"]?.integer {
            self = .answer(from: rank)
        } else if let text = json["verdict"]?.string {
            self = .verdict(text)
        } else if let rank = json["rank"]?.integer, let phase = json["phase"]?.string, let step = json["step"]?.integer,
            let waiting = json["waiting"]?.double
        {
            self = .heartbeat(
                Heartbeat(rank: rank, phase: phase, step: step, waiting: waiting, stuck: json["stuck"]?.string))
        } else {
            return nil
        }
    }
}

/// A rank's state: its phase, its step and its wait.
package struct Heartbeat: Equatable {
    package var rank: Int
    package var phase: String
    /// Steps it has taken.
    package var step: Int
    /// Seconds that it has been in one wait for other ranks.
    package var waiting: Double
    /// The standstill of its main thread in words, once that is longer than it may be.
    package var stuck: String?

    package init(rank: Int, phase: String, step: Int, waiting: Double, stuck: String? = nil) {
        self.rank = rank
        self.phase = phase
        self.step = step
        self.waiting = waiting
        self.stuck = stuck
    }
}
