import Synchronization

/// Whether bytes move between this process and its disks, whichever thread moves them: for who watches a thread that waits
/// for another one to have written.
package enum DiskActivity {
    private static let moves = Atomic<Int>(0)

    /// Pieces that have been read or written so far.
    package static var count: Int { moves.load(ordering: .relaxed) }

    static func note() { moves.add(1, ordering: .relaxed) }
}
