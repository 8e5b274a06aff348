import Checkpoints
import Collectives
import Machine
import Storage

/// Saves checkpoints, where memory allows it from a snapshot while the steps go on. A step then waits only for the copy,
/// and for the checkpoint before if that isn't written yet.
final class CheckpointSaver {
    private let run: TrainingRun
    private let folder: CheckpointFolder
    private let descent: Descent
    private let communicator: Communicator
    private let isBackground: Bool
    /// Rank 0's.
    private let snapshot: Snapshot?
    private let work = BackgroundWork()
    /// The step whose checkpoint is being written.
    private var pending: Int?

    /// - Throws: on every rank alike. Collective.
    init(_ run: TrainingRun, plan: SavePlan, folder: CheckpointFolder, descent: Descent) throws {
        self.run = run
        self.folder = folder
        self.descent = descent
        communicator = run.communicator
        isBackground = plan.isBackground
        snapshot =
            plan.isBackground
            ? try run.communicator.onRoot(status: { _ in 4 }) {
                try Snapshot(of: descent.optimizer.state, on: run.pool)
            } : nil
    }

    /// Saves a checkpoint of the state as it is, or begins to.
    ///
    /// - Throws: on every rank alike, also what went wrong with the checkpoint before. Collective.
    func save(_ state: TrainerState) throws {
        try settle()
        guard isBackground else {
            try saveNow(state)
            pending = state.step
            return announce()
        }
        pending = state.step
        Snapshot.take(
            into: snapshot, values: descent.weights.values, optimizer: descent.optimizer, over: communicator)
        // The other ranks have nothing to wait for; what they say is not heard.
        guard let snapshot else {
            pending = nil
            return
        }
        let (run, folder, table) = (run, folder, descent.weights.table)
        let moments = descent.optimizer.state
        work.start {
            let name = CheckpointFolder.name(ofStep: state.step)
            try folder.write(name: name) { directory in
                let model = try run.writeModel(snapshot.values, to: directory)
                let rest = try state.save(
                    to: directory, values: snapshot.values, of: table, savedAs: run.saveType)
                var writer = try TrainerState.momentsWriter(moments, in: directory)
                for part in snapshot.state { try writer.write(UnsafeRawBufferPointer(part)) }
                return try model + rest + writer.finish()
            }
            try CheckpointSaver.prune(folder, after: state, of: run)
        }
    }

    /// From the originals, with everybody waiting: on rank 0 one thread writes the model while another writes the
    /// optimizer's state as it comes.
    private func saveNow(_ state: TrainerState) throws {
        var draft: CheckpointFolder.Draft?
        defer { draft?.discard() }
        let model = ModelWork()
        // Rank 0 goes on taking what the others send after its disk has failed: they don't know yet.
        var result = Result<Void, any Error>.success(())
        var writer: SafetensorsWriter?
        if communicator.isRoot {
            do {
                let begun = try folder.begin(name: CheckpointFolder.name(ofStep: state.step))
                draft = begun
                writer = try TrainerState.momentsWriter(descent.optimizer.state, in: begun.directory)
                model.start { [run, descent] in
                    let values = descent.weights.values
                    let sums = try run.writeModel(values, to: begun.directory)
                    return try sums
                        + state.save(
                            to: begun.directory, values: values, of: descent.weights.table, savedAs: run.saveType)
                }
            } catch {
                result = .failure(error)
            }
        }
        descent.optimizer.collect(over: communicator) { _, bytes in
            guard case .success = result else { return }
            do { try writer?.write(bytes) } catch { result = .failure(error) }
        }
        try communicator.failingTogether {
            let sums = try model.wait()
            try result.get()
            guard let draft else { return }
            let moments = try writer.take()?.finish() ?? Checksums()
            try draft.publish(knowing: sums + moments)
            try CheckpointSaver.prune(folder, after: state, of: run)
        }
        draft = nil
    }

    /// The writing of a model on a thread of its own, and the checksums that come of it.
    private final class ModelWork: @unchecked Sendable {
        private let work = BackgroundWork(isUrgent: true)
        private var sums = Checksums()

        func start(_ body: @escaping () throws -> Checksums) {
            work.start { [unowned self] in sums = try body() }
        }

        func wait() throws -> Checksums {
            try work.wait()
            return sums
        }
    }

    /// Applies `save_total_limit`; the best checkpoint and the newest stay.
    private static func prune(_ folder: CheckpointFolder, after state: TrainerState, of run: TrainingRun) throws {
        guard let limit = run.file.records.saveTotalLimit else { return }
        let steps = [state.step] + (state.best.map { [$0.step] } ?? [])
        try folder.prune(keeping: limit, protecting: Set(steps.map(CheckpointFolder.name(ofStep:))))
    }

    /// Makes `final/`: the model of a complete checkpoint without the trainer's state, with its model card. For rank 0.
    func finish(with checkpoint: String, card: String) throws {
        try folder.write(name: "final", from: checkpoint, taking: { !TrainerState.fileNames.contains($0) }) { directory in
            try AtomicFile.write(card, to: FileSystem.join(directory, ModelCard.fileName))
        }
    }

    // MARK: - Waiting

    /// Says that a checkpoint is complete, if one has become so since. One that failed is `settle`'s.
    func report() {
        guard pending != nil, work.isOver, !work.hasFailed else { return }
        try? work.wait()
        announce()
    }

    /// Returns when everything is written.
    /// - Throws: what went wrong with it, on every rank alike. Collective.
    func settle() throws {
        do {
            try communicator.failingTogether { try work.wait() }
        } catch {
            pending = nil
            throw error
        }
        announce()
    }

    /// Waits for what is being written when the run ends in an error of its own.
    func abandon() {
        do {
            try work.wait()
            announce()
        } catch {
            run.console.line("the checkpoint of step \(pending ?? 0) was not saved: \(error)")
        }
    }

    private func announce() {
        guard let step = pending else { return }
        pending = nil
        run.console.line("step \(step): saved \(folder.path(of: CheckpointFolder.name(ofStep: step)))")
    }
}
