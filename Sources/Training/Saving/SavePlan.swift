import Collectives
import Machine

/// Whether checkpoints are saved from a snapshot while the steps go on, decided once for the run.
package struct SavePlan {
    let isBackground: Bool
    /// Of rank 0's snapshot; 0 without one.
    let snapshotBytes: Int
    /// The note on the plan, to be told before step 0.
    let note: String?

    /// The share of the free memory that may be taken.
    private static let share = 0.85

    /// - Parameter toCome: bytes of a rank's arrays that don't exist yet.
    /// Collective.
    package init(_ run: TrainingRun, toCome: Int) {
        // Nothing goes on while the last checkpoint is written.
        guard run.file.records.savesInBackground,
            run.file.records.savesBeforeEnd(of: run.totalSteps, stepsPerEpoch: run.planner.stepsPerEpoch)
        else {
            (isBackground, snapshotBytes, note) = (false, 0, nil)
            return
        }
        let bytes = Snapshot.bytes(of: OptimizerState(run.file.optimizer.kind, table: run.trained.table))
        let free = SavePlan.share * Double(FreeMemory.bytes()) - Double(toCome * run.communicator.neighbourhood.ranks)
        // Rank 0 decides: the snapshot will be on its node.
        let isBackground = run.communicator.broadcast(Double(bytes) <= free)
        self.isBackground = isBackground
        snapshotBytes = isBackground ? bytes : 0
        note =
            isBackground
            ? nil
            : "note: the steps wait for every checkpoint to be written: rank 0 has no \(readableBytes(bytes)) of memory to "
                + "save from a copy in the background; save_in_background: false says the same and spares this note"
    }
}
