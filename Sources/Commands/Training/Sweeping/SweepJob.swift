import Collectives
import Glibc
import Liveness
import Machine
import RunFiles
import Storage
import Training

/// `sweep`: many runs in one job, on disjoint groups of its ranks.
package enum SweepJob {
    /// - Parameter groups: how many; nil: as many as pay.
    /// - Returns: the table of all runs.
    /// - Throws: on every rank alike. An error of one group that isn't its run's ends the job. Collective.
    package static func run(
        _ sweep: SweepFile, groups: Int?, over communicator: Communicator, console: Console
    ) throws -> Report {
        StopSignal.listen()
        var lock: DirectoryLock?
        var known: SweepRecord?
        try communicator.onRoot {
            try FileSystem.makeDirectories(sweep.outputDirectory)
            lock = try DirectoryLock(sweep.outputDirectory)
            known = try SweepRecord(sweep, console: console)
        }
        defer { lock.take()?.release() }
        let record = try communicator.failingTogether {
            try known ?? SweepRecord(sweep, console: Console(speaks: false))
        }
        let open = communicator.broadcast(record.open.map { Double($0) }).map { Int($0) }
        let count = sweep.runs.count
        console.line(
            "sweep \(sweep.file): \(count) run\(count == 1 ? "" : "s")"
                + (open.count < count ? ", of which \(count - open.count) are over" : ""))
        if !open.isEmpty {
            try train(sweep, open, record, wanted: groups, over: communicator, console: console)
        }
        let rows = communicator.isRoot ? record.rows.compactMap { $0 } : []
        return SweepTable(rows, of: sweep).report
    }

    private static func train(
        _ sweep: SweepFile, _ open: [Int], _ record: SweepRecord, wanted: Int?, over communicator: Communicator,
        console: Console
    ) throws {
        let shared = try SharedInputs(for: open.map { sweep.runs[$0].file }, over: communicator, console: console)
        let parts = SweepGroups(
            wanted: wanted, ranks: communicator.size, costs: shared.forecasts.map { $0.cost(onRanks:) })
        console.line(parts.text)
        let members = parts.members(nodes: communicator.nodes)
        guard let group = communicator.group(members[communicator.rank]) else { return }
        defer { group.finalize() }
        let costs = Dictionary(uniqueKeysWithValues: zip(open, shared.forecasts.map { $0.cost(onRanks: 1) }))
        record.begin(costs: costs)
        let desk = SweepDesk(
            open: longestFirst(open, costs), leaders: parts.sizes.indices.map { members.firstIndex(of: $0) ?? 0 },
            group: members[communicator.rank], record: record, over: communicator, console: console)
        do {
            try takeRuns(sweep, from: desk, shared, over: group)
            if group.isRoot { try desk.close() }
        } catch {
            // All ranks of the only group know of it, or one alone does and ends the job as ever.
            if parts.sizes.count == 1 { throw error }
            end(error, of: group, in: communicator, console)
        }
        communicator.sleepUntilAll()
        if communicator.broadcast(desk.isStopping && !record.open.isEmpty) {
            throw TrainingError.stopped(checkpoint: sweep.outputDirectory)
        }
    }

    /// The longest run first, so that the last ones to end are short. Runs that cost nearly the same keep their order.
    private static func longestFirst(_ open: [Int], _ costs: [Int: Double]) -> [Int] {
        let most = costs.values.max() ?? 1
        func size(_ run: Int) -> Double { ((costs[run] ?? 0) / max(most, .leastNonzeroMagnitude) * 10).rounded() }
        return open.sorted { (size($0), -$0) > (size($1), -$1) }
    }

    /// Trains one run after the other until none is left.
    private static func takeRuns(
        _ sweep: SweepFile, from desk: SweepDesk, _ shared: SharedInputs, over group: Communicator
    ) throws {
        while true {
            let next = group.isRoot ? try desk.next() ?? -1 : -1
            // The others would turn on the spot while the first one waits.
            group.sleepUntilAll()
            let index = group.broadcast(next)
            guard index >= 0 else { return }
            guard let row = try train(sweep.runs[index], from: desk, shared, over: group) else {
                if group.isRoot { try desk.stop() }
                return
            }
            if group.isRoot { try desk.finish(row) }
        }
    }

    /// - Returns: nil for a run that a signal has ended.
    private static func train(
        _ run: SweepRun, from desk: SweepDesk, _ shared: SharedInputs, over group: Communicator
    ) throws -> SweepRow? {
        let folder = try run.file.requiredOutputDirectory()
        try group.onRoot { try FileSystem.makeDirectories(folder) }
        let console = group.isRoot ? Console(appendingTo: FileSystem.join(folder, "run.log")) : Console(speaks: false)
        let start = SteadyClock.now()
        var failure: String?
        do {
            try Trainer.run(run.file, resume: .auto, over: group, console: console, sharing: shared) { step, steps in
                if group.isRoot { try desk.tell(step: step, of: steps) }
            }
        } catch let error as TrainingError where error.isOfTheRun {
            failure = "\(error)"
            console.line("\(error)")
        } catch TrainingError.stopped {
            return nil
        }
        return try group.failingTogether {
            try SweepRow(run, failure: failure, seconds: SteadyClock.now() - start, ranks: group.size)
        }
    }

    /// Ends the whole job for an error of one group: the others would never learn of it.
    private static func end(
        _ error: any Error, of group: Communicator, in communicator: Communicator, _ console: Console
    ) -> Never {
        let status = (error as? SharedFailure)?.status ?? (error as? TrainingError)?.status ?? 2
        // One rank says it for its group; a rank that fails alone does so whoever it is.
        let isShared = error is SharedFailure || error is TrainingError
        if isShared, !group.isRoot { sleep(5) }
        console.endProgress()
        if !isShared || group.isRoot {
            Console(speaks: true).line("swift-prefopt: rank \(communicator.rank) on \(hostName()): \(error)")
        }
        // Over a network that is down the abort itself may hang.
        _ = TimeLimit(seconds: 3, stage: "", status: status) { _ in nil }
        communicator.abort(status: status)
    }
}
