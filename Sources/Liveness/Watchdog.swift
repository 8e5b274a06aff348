import Collectives
import Glibc
import Machine
import Synchronization

/// Keeps a job from waiting for ever. A thread of every rank tells two others how its main thread is, and ends the process
/// when one of them finds that the job can't get on.
///
/// While the main threads sit inside MPI nothing can be asked of it, so the threads talk over UDP: a lost message costs
/// nothing, and nobody waits for a dead one. Rank 0 keeps watch over all; a deputy on another host watches rank 0. Who
/// hears neither is cut off and ends itself. Each message is some hundred bytes a second, so a thousand ranks are no load.
///
/// Ending is `_exit`, not `MPI_Abort`, which needs the network that may just have died: the launcher sees the status and
/// ends the rest.
package final class Watchdog {
    private let watcher: Watcher?

    /// Starts watching, if there is somebody to watch or `hang_timeout` asks for it. Rank 0 says so when it can't.
    /// Collective.
    package init(
        over communicator: Communicator, console: Console, threadsAreAwaited: @escaping @Sendable () -> Bool
    ) {
        // Read by all alike, so all decide alike.
        if let text = environment("PREFOPT_HANG_TIMEOUT"), let seconds = Double(text), seconds > 0 {
            RunProgress.hangTimeout = seconds
        }
        let socket = communicator.size > 1 ? DatagramSocket() : nil
        let addresses = NetworkInterface.all().filter { !$0.isLoopback }.map { NetworkInterface.text($0.address) }
        let peers = communicator.gather("\(hostName()) \(socket?.port ?? 0) \(addresses.joined(separator: ","))")
            .map(WatcherAddress.init)
        let word = communicator.broadcast(Array(String(UInt64.random(in: .min ... .max), radix: 36).utf8))
        let watcher = Watcher(
            rank: communicator.rank, peers: peers, job: String(decoding: word, as: UTF8.self), socket: socket,
            threadsAreAwaited: threadsAreAwaited)
        self.watcher = watcher.start() ? watcher : nil
        if self.watcher == nil {
            console.line("note: no thread to keep watch with: a rank that hangs won't be noticed")
        }
    }

    /// No rank is watched any longer: the end is near, where ranks leave one by one.
    package func stop() { watcher?.stop() }
}

/// The address of a rank's watching thread.
package struct WatcherAddress: Equatable {
    package let host: String
    package let endpoints: [Endpoint]

    package init(_ text: String) {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        host = parts.first.map(String.init) ?? ""
        let port = parts.count > 1 ? UInt16(parts[1]) ?? 0 : 0
        let addresses = parts.count > 2 ? parts[2].split(separator: ",").compactMap(NetworkInterface.address) : []
        endpoints = port == 0 ? [] : addresses.map { Endpoint(address: $0, port: port) }
    }

    /// From a rank on that host, the way inside it comes first: it holds when every network is down.
    package func endpoints(from other: String) -> [Endpoint] {
        guard host == other, let port = endpoints.first?.port else { return endpoints }
        return [Endpoint(address: 127 << 24 | 1, port: port)] + endpoints
    }
}

/// The thread of one rank.
package final class Watcher: @unchecked Sendable {
    private let rank: Int
    private let peers: [WatcherAddress]
    private let job: String
    private let socket: DatagramSocket?
    private let deputy: Int?
    private let isStopping = Atomic<Bool>(false)

    // The thread's own.
    private var main: MainThread
    private var detector: FailureDetector
    /// Where a rank's messages came from, which is where it hears.
    private var known: [Int: Endpoint] = [:]
    private var answeredAt: Double
    private var wasAnswered = false
    private var noteAt: Double

    package init(
        rank: Int, peers: [WatcherAddress], job: String, socket: DatagramSocket?,
        threadsAreAwaited: @escaping @Sendable () -> Bool
    ) {
        self.rank = rank
        self.peers = peers
        self.job = job
        self.socket = socket
        let hosts = peers.map(\.host)
        // On another host, so that both don't go together.
        deputy = hosts.indices.first { hosts[$0] != hosts[0] } ?? (hosts.count > 1 ? 1 : nil)
        let now = SteadyClock.now()
        main = MainThread(at: now, threadsAreAwaited: threadsAreAwaited)
        detector = FailureDetector(hosts: hosts)
        answeredAt = now
        noteAt = now + 20
    }

    package func start() -> Bool { WorkerThread { [self] in run() } != nil }

    package func stop() { isStopping.store(true, ordering: .releasing) }

    private func run() {
        var expected = SteadyClock.now()
        while !isStopping.load(ordering: .acquiring) {
            let interval = min(1, RunProgress.silenceLimit / 20)
            let now = wake(expected, interval)
            expected = now + interval

            let beat = ownBeat(at: now)
            detector.heard(beat, at: now)
            for watcher in [0, deputy].compactMap({ $0 }) where watcher != rank {
                send(.heartbeat(beat), to: watcher)
            }
            listen(until: expected)
            if isStopping.load(ordering: .acquiring) { return }
            expected = wake(expected, interval)
            judge(at: expected, interval)
        }
    }

    /// The time. If it is far later than expected, the whole process or machine slept: its own fault, nobody else's.
    private func wake(_ expected: Double, _ interval: Double) -> Double {
        let now = SteadyClock.now()
        let late = now - expected
        if late > max(0.5, interval) {
            main.forgive(late)
            detector.forgive(late)
            answeredAt += late
        }
        return now
    }

    private func ownBeat(at now: Double) -> Heartbeat {
        let (still, waiting) = main.look(at: now)
        let phase = RunProgress.phase
        var beat = Heartbeat(rank: rank, phase: phase.rawValue, step: RunProgress.step, waiting: waiting)
        let limit = RunProgress.stillnessLimit(in: phase)
        if still > limit {
            beat.stuck =
                "stood still for \(fixed(still, 0)) s in phase \(phase.rawValue)"
                + (beat.step > 0 ? " after \(beat.step) steps" : "") + ", \(BlockedCall.description()): "
                + "what it waits for doesn't answer; look at the disk or mount of that host"
        }
        return beat
    }

    // MARK: - Talking

    private func send(_ message: WatchMessage, to target: Int) {
        guard let socket else { return }
        let bytes = message.bytes(job: job)
        // Until one of its addresses has proved right, all are tried.
        let endpoints = known[target].map { [$0] } ?? peers[target].endpoints(from: peers[rank].host)
        for endpoint in endpoints { socket.send(bytes, to: endpoint) }
    }

    private func listen(until end: Double) {
        while !isStopping.load(ordering: .acquiring) {
            let now = SteadyClock.now()
            guard now < end else { return }
            // In short turns, so that stopping doesn't take long.
            let turn = min(end - now, 0.1)
            guard let socket else {
                usleep(UInt32(turn * 1e6))
                continue
            }
            guard let (bytes, from) = socket.receive(within: turn),
                let message = WatchMessage(bytes: bytes, job: job)
            else { continue }
            switch message {
            case .heartbeat(let beat):
                detector.heard(beat, at: SteadyClock.now())
                known[beat.rank] = from
                socket.send(WatchMessage.answer(from: rank).bytes(job: job), to: from)
            case .answer(let watcher):
                known[watcher] = from
                (answeredAt, wasAnswered) = (SteadyClock.now(), true)
            case .verdict:
                // It has been said once.
                RankCalls.endLauncher(afterSeconds: Watcher.launcherGrace)
                _exit(4)
            }
        }
    }

    // MARK: - Judging

    private func judge(at now: Double, _ interval: Double) {
        let silence = RunProgress.silenceLimit
        let wait = RunProgress.stillnessLimit(in: RunProgress.phase)
        if rank == 0 {
            note(at: now)
            if let text = detector.verdict(at: now, silence: silence, interval: interval, wait: wait) { end(text) }
        } else if rank == deputy {
            // Rank 0 first: its word is more likely to be read.
            let text = detector.verdict(
                at: now, silence: silence + interval, interval: interval, wait: wait, onlyRank: 0)
            if let text { end(text) }
        } else if wasAnswered, now - answeredAt > silence + 3 * interval {
            end(
                "rank \(rank) on \(peers[rank].host) has heard nothing of "
                    + "\(detector.name([0, deputy].compactMap { $0 })) for \(fixed(now - answeredAt, 0)) s: "
                    + "\(peers[rank].host) is cut off from them")
        }
    }

    /// Once, of ranks whose messages find no way.
    private func note(at now: Double) {
        guard now > noteAt else { return }
        noteAt = .infinity
        let unheard = detector.unheard
        guard !unheard.isEmpty else { return }
        Console(speaks: true).line(
            "note: no word of \(detector.name(unheard)) by UDP: if they hang it will not be noticed; does a firewall drop UDP "
                + "between the nodes?")
    }

    /// Says why, tells all, and ends.
    private func end(_ reason: String) -> Never {
        Console(speaks: true).line(
            "swift-prefopt: \(reason); run the same command again to go on from the newest checkpoint "
                + "(hang_timeout: \(fixed(RunProgress.silenceLimit, 0)))")
        // First: the ranks that are told end at once, and the launcher then ends this one.
        RankCalls.endLauncher(afterSeconds: Watcher.launcherGrace)
        let message = WatchMessage.verdict(reason)
        for _ in 0..<3 {
            for other in peers.indices where other != rank { send(message, to: other) }
            usleep(50_000)
        }
        _exit(4)
    }

    /// Seconds for the launcher to end by itself.
    private static let launcherGrace = 3
}
