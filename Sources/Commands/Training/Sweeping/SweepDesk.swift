import Collectives
import Glibc
import Machine
import Storage
import Training

/// Hands the open runs of a sweep to the groups, whichever is free next, and gathers what comes of them.
///
/// Rank 0 keeps the desk; it looks for messages after each step of its own group's run. The first rank of each other group
/// asks for its next run a little before it is done with one, so that it seldom waits.
final class SweepDesk {
    private let mailbox: Mailbox
    private let isKeeper: Bool
    private let group: Int
    /// Of each group the rank that speaks for it.
    private let leaders: [Int]
    private let record: SweepRecord
    private let console: Console

    // What a leader knows.
    private var running: Int?
    private var hasAsked = false
    private var answer: Int?
    private var toldAt = -Double.infinity

    // What rank 0 knows.
    private var open: ArraySlice<Int>
    private var dismissed: Set<Int> = []
    /// Of runs that other groups have and that aren't over: the leader.
    private var handedOut: [Int: Int] = [:]
    private(set) var isStopping = false

    /// Of a run, after which the next one is asked for.
    private static let askingShare = 0.9
    private static let tellingInterval = 0.5

    /// - Parameters:
    ///   - open: the runs to be trained, in the order in which they begin.
    ///   - record: rank 0's.
    init(
        open: [Int], leaders: [Int], group: Int, record: SweepRecord, over communicator: Communicator, console: Console
    ) {
        (self.open, self.leaders, self.group) = (open[...], leaders, group)
        (self.record, self.console) = (record, console)
        mailbox = Mailbox(over: communicator)
        isKeeper = communicator.isRoot
    }

    // MARK: - A leader's side

    /// The next run of this group; nil when there is none.
    /// - Throws: what rank 0 can't write down.
    func next() throws -> Int? {
        if StopSignal.isRequested {
            try stop()
            return nil
        }
        if isKeeper {
            try serve()
            running = isStopping ? nil : open.popFirst()
        } else {
            ask()
            while answer == nil { take(mailbox.wait().text) }
            running = answer.flatMap { $0 < 0 ? nil : $0 }
            (answer, hasAsked) = (nil, false)
        }
        return running
    }

    /// Tells how far this group's run is.
    /// - Throws: what rank 0 can't write down.
    func tell(step: Int, of steps: Int) throws {
        guard let running else { return }
        if isKeeper {
            record.note(group: group, run: running, step: step, of: steps)
            return try serve()
        }
        while let message = mailbox.receive() { take(message.text) }
        if Double(step) >= SweepDesk.askingShare * Double(steps) { ask() }
        guard SteadyClock.now() - toldAt > SweepDesk.tellingInterval else { return }
        toldAt = SteadyClock.now()
        send(["run": .integer(running), "step": .integer(step), "of": .integer(steps)])
    }

    /// Hands in what came of this group's run.
    /// - Throws: what rank 0 can't write down.
    func finish(_ row: SweepRow) throws {
        guard let run = running.take() else { return }
        if isKeeper {
            try record.add(row, run: run, group: group)
        } else {
            send(["run": .integer(run), "row": .object(row.json)])
        }
    }

    /// Says that a signal has ended this group's run.
    /// - Throws: what rank 0 can't write down.
    func stop() throws {
        running = nil
        if isKeeper {
            stopAll()
            return try serve()
        }
        send(["stopped": .bool(true)])
        // An answer that is on its way is for nobody.
        while hasAsked, answer == nil { take(mailbox.wait().text) }
    }

    private func ask() {
        guard !hasAsked else { return }
        hasAsked = true
        send(["ask": .bool(true)])
    }

    private func send(_ message: JSONObject, to rank: Int = 0) { mailbox.send(JSON.object(message).text, to: rank) }

    private func take(_ text: String) {
        let message = try? JSON.parse(Array(text.utf8))
        if let run = message?["answer"]?.integer { answer = run }
        if message?["stop"] != nil { StopSignal.request() }
    }

    // MARK: - Rank 0's side

    /// Reads what has come.
    private func serve() throws {
        while let message = mailbox.receive() { try take(message.text, from: message.sender) }
        record.showProgress(on: console)
    }

    private func take(_ text: String, from leader: Int) throws {
        let message = try JSON.parse(Array(text.utf8))
        let group = leaders.firstIndex(of: leader) ?? 0
        if message["ask"] != nil {
            let run = isStopping ? nil : open.popFirst()
            if let run { handedOut[run] = leader } else { dismissed.insert(leader) }
            send(["answer": .integer(run ?? -1)], to: leader)
        } else if message["stopped"] != nil {
            dismissed.insert(leader)
            handedOut = handedOut.filter { $0.value != leader }
            stopAll()
        } else if let run = message["run"]?.integer {
            if let row = message["row"].flatMap({ SweepRow($0) }) {
                handedOut[run] = nil
                try record.add(row, run: run, group: group)
            } else if let step = message["step"]?.integer, let steps = message["of"]?.integer {
                record.note(group: group, run: run, step: step, of: steps)
            }
        }
    }

    private func stopAll() {
        guard !isStopping else { return }
        isStopping = true
        for leader in leaders where leader != 0 && !dismissed.contains(leader) {
            send(["stop": .bool(true)], to: leader)
        }
    }

    /// Returns when every group knows that nothing is left for it and has handed in its last run.
    /// - Throws: what rank 0 can't write down.
    func close() throws {
        if isKeeper {
            // A leader that was told so may still train: its last message is its row, or that it has stopped.
            while dismissed.count < leaders.count - 1 || !handedOut.isEmpty {
                if let message = mailbox.receive() { try take(message.text, from: message.sender) } else { usleep(5000) }
                record.showProgress(on: console)
            }
        }
        mailbox.settle()
    }
}
