import Machine

/// Judges from the heartbeats of all ranks, and when they came, whether the job can still get on.
package struct FailureDetector {
    private struct Watched {
        let host: String
        var last: Heartbeat?
        var heardAt = 0.0
    }

    private var ranks: [Watched]

    /// - Parameter hosts: of the ranks, in their order.
    package init(hosts: [String]) { ranks = hosts.map { Watched(host: $0) } }

    package mutating func heard(_ beat: Heartbeat, at now: Double) {
        guard ranks.indices.contains(beat.rank) else { return }
        ranks[beat.rank].last = beat
        ranks[beat.rank].heardAt = now
    }

    /// Time during which nobody listened counts for nothing.
    package mutating func forgive(_ seconds: Double) {
        for rank in ranks.indices { ranks[rank].heardAt += seconds }
    }

    /// Ranks that nothing was ever heard of.
    package var unheard: [Int] { ranks.indices.filter { ranks[$0].last == nil } }

    // MARK: - Verdicts

    /// Why the job must end, or nil. A rank that was never heard isn't judged: it may have no way to here.
    ///
    /// - Parameters:
    ///   - silence: seconds without a heartbeat that are too many.
    ///   - interval: seconds between two heartbeats.
    ///   - wait: seconds that all ranks may wait for each other.
    ///   - onlyRank: judge no other's silence.
    package func verdict(at now: Double, silence: Double, interval: Double, wait: Double, onlyRank: Int? = nil)
        -> String?
    {
        let stuck = ranks.indices.filter { ranks[$0].last?.stuck != nil }
        if onlyRank == nil, let first = stuck.first, let reason = ranks[first].last?.stuck {
            return "\(name(stuck)) ha\(stuck.count == 1 ? "s" : "ve") \(reason)"
        }
        let watched = onlyRank.map { [$0] } ?? Array(ranks.indices)
        if watched.contains(where: { isSilent($0, for: silence, at: now) }) {
            // Ranks that went together are named together.
            let gone = watched.filter { isSilent($0, for: silence - 1.5 * interval, at: now) }
            return silenceText(gone, seconds: silence)
        }
        guard onlyRank == nil, ranks.count > 1,
            ranks.allSatisfy({ $0.last.map { $0.waiting >= wait } ?? false })
        else { return nil }
        return "all \(ranks.count) ranks are alive, but have waited for each other for \(seconds(wait)) "
            + "(\(doing(ranks[0].last))): their messages don't get through between \(hostList(Array(ranks.indices))); "
            + "is a link down, or does a firewall drop them?"
    }

    private func isSilent(_ rank: Int, for limit: Double, at now: Double) -> Bool {
        ranks[rank].last != nil && now - ranks[rank].heardAt > limit
    }

    private func silenceText(_ gone: [Int], seconds limit: Double) -> String {
        let others = Set(ranks.map(\.host)).count - 1
        let hosts = Set(gone.map { ranks[$0].host })
        let last = gone.first.flatMap { ranks[$0].last }
        var text = "\(name(gone)) ha\(gone.count == 1 ? "s" : "ve") not been heard of for \(seconds(limit)) "
        text += "(\(doing(last))): "
        if others > 1, hosts.count == others {
            return text + "all other hosts are silent, so it is this host's network that is down"
        }
        let isWholeHost = ranks.indices.allSatisfy { !hosts.contains(ranks[$0].host) || gone.contains($0) }
        let process = gone.count == 1 ? "the process is stopped" : "the processes are stopped"
        return text
            + (isWholeHost && others > 0
                ? "\(process), or \(hosts.sorted().joined(separator: ", ")) or the network to it is down" : process)
    }

    // MARK: - Words

    /// "rank 3 on node4", "ranks 2, 3 on node2".
    package func name(_ members: [Int]) -> String {
        let shown = members.prefix(FailureDetector.mostShown).map(String.init).joined(separator: ", ")
        let rest =
            members.count > FailureDetector.mostShown ? " and \(members.count - FailureDetector.mostShown) more" : ""
        return "rank\(members.count == 1 ? "" : "s") \(shown)\(rest) on \(hostList(members))"
    }

    private func hostList(_ members: [Int]) -> String {
        var hosts: [String] = []
        for member in members where !hosts.contains(ranks[member].host) { hosts.append(ranks[member].host) }
        let rest =
            hosts.count > FailureDetector.mostShown ? " and \(hosts.count - FailureDetector.mostShown) more hosts" : ""
        return hosts.prefix(FailureDetector.mostShown).joined(separator: ", ") + rest
    }

    private func doing(_ beat: Heartbeat?) -> String {
        guard let beat else { return "nothing is known of it" }
        return "\(beat.step > 0 ? "after \(beat.step) step\(beat.step == 1 ? "" : "s") of this start, " : "")"
            + "phase \(beat.phase)"
    }

    private func seconds(_ value: Double) -> String { "\(fixed(value, value < 10 ? 1 : 0)) s" }

    private static let mostShown = 8
}
