import CKernels
import CVector
import Glibc
import Machine
import Synchronization

/// A fixed set of threads that run the items of one parallel region at a time.
///
/// Workers spin for a few microseconds between regions, then sleep. Which thread runs which item is left to chance, so an
/// item must write only what belongs to it: every kernel cuts its work into items of a fixed size, and its results are
/// the same bits for any number of threads.
package final class ThreadPool: @unchecked Sendable {
    /// The hot kernels that the threads compute with.
    package let level: CPULevel
    let kernels: prefopt_kernels
    /// Of linear maps, and how their products are computed.
    package let arithmetic: Arithmetic
    let product: prefopt_product
    /// Of products of bfloat16.
    package let way: BFloat16Way?
    /// Threads that take part in a region, the caller included.
    package let count: Int

    // A ticket is (region << 32 | items not yet taken). Taking an item is one compare-exchange on it, so a thread that
    // wakes late can neither take an item of a finished region nor see the next region's body half written.
    private let ticket = Atomic<UInt64>(0)
    private let unfinished = Atomic<Int>(0)
    private let sleepers = Atomic<Int>(0)
    private let started = Atomic<Int>(0)
    private let stopping = Atomic<Bool>(false)
    private var items = 0
    private var body: (Int, Int) -> Void = { _, _ in }
    /// Where workers sleep until the ticket or `stopping` says otherwise.
    private let bed = Monitor(())
    private var threads: [WorkerThread] = []
    /// Room for the packed operands of the product at hand: of all threads, then of each.
    private let panels: UnsafeMutablePointer<Float>

    /// - Parameter arithmetic: of linear maps.
    package init(count: Int, level: CPULevel = .inUse, arithmetic: Arithmetic = .float32) {
        self.count = max(1, count)
        self.level = level
        kernels = level.kernels.pointee
        self.arithmetic = arithmetic
        switch arithmetic {
        case .float32: (product, way) = (level.kernels.pointee.float32, nil)
        case .bfloat16:
            let way = BFloat16Way.best(at: level).way
            (product, self.way) = (way.product(at: level), way)
        }
        let bytes = ThreadPool.panelBytes(threads: self.count)
        panels = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 1 << 21)
            .bindMemory(to: Float.self, capacity: bytes / 4)
        madvise(panels, bytes, MADV_HUGEPAGE)
        // They must not keep the pool whose end they wait for.
        let pool = Unmanaged.passUnretained(self)
        threads = (1..<self.count).compactMap { _ in WorkerThread { pool._withUnsafeGuaranteedRef { $0.work() } } }
    }

    deinit {
        stopping.store(true, ordering: .sequentiallyConsistent)
        bed.change { _ in }
        for thread in threads { thread.join() }
        panels.deallocate()
    }

    /// Whether a caller has long run out of items and waits for other threads': it turns on the spot then, and its use of
    /// the processor is no sign that anything gets done. Seen by who watches over the process.
    package static var isAwaited: Bool { awaited.load(ordering: .relaxed) }
    private static let awaited = Atomic<Bool>(false)

    /// The bytes of a pool's packed operands.
    package static func panelBytes(threads: Int) -> Int {
        4 * (MatrixProduct.sharedPanelCount + threads * (MatrixProduct.ownPanelCount + StoredSide.scratchCount))
    }

    /// The bytes of them that have been used, by the pages that are there.
    package var residentPanelBytes: Int {
        let (bytes, page) = (ThreadPool.panelBytes(threads: count), sysconf(Int32(_SC_PAGESIZE)))
        var pages = [UInt8](repeating: 0, count: (bytes + page - 1) / page)
        guard mincore(panels, bytes, &pages) == 0 else { return 0 }
        return min(bytes, pages.reduce(0) { $0 + Int($1 & 1) } * page)
    }

    var sharedPanels: UnsafeMutablePointer<Float> { panels }

    @inline(__always)
    func ownPanels(_ thread: Int) -> UnsafeMutablePointer<Float> {
        panels + MatrixProduct.sharedPanelCount + thread * MatrixProduct.ownPanelCount
    }

    /// Where a thread widens what it is about to pack.
    @inline(__always)
    func scratch(_ thread: Int) -> UnsafeMutablePointer<Float> {
        ownPanels(count) + thread * StoredSide.scratchCount
    }

    /// Calls `body` once for every item in `0..<items`, on all threads; returns when all are done.
    package func run(_ items: Int, _ body: (_ item: Int) -> Void) {
        run(items) { item, _ in body(item) }
    }

    /// The same, telling `body` which thread (`0..<count`) it runs on, for scratch space of its own.
    package func run(_ items: Int, _ body: (_ item: Int, _ thread: Int) -> Void) {
        guard items > 1, !threads.isEmpty else {
            for item in 0..<max(0, items) { body(item, 0) }
            return
        }
        withoutActuallyEscaping(body) { body in
            self.items = items
            self.body = body
            unfinished.store(items, ordering: .relaxed)
            let region = (ticket.load(ordering: .relaxed) >> 32) &+ 1
            ticket.store(region << 32 | UInt64(items), ordering: .sequentiallyConsistent)
            if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
                bed.change { _ in }
            }
            while takeItem(thread: 0) {}
            var spins = 0
            while unfinished.load(ordering: .acquiring) > 0 {
                pause(&spins)
                if spins == ThreadPool.spinsBeforeAwaited { ThreadPool.awaited.store(true, ordering: .relaxed) }
            }
            if spins >= ThreadPool.spinsBeforeAwaited { ThreadPool.awaited.store(false, ordering: .relaxed) }
            self.body = { _, _ in }
        }
    }

    /// Runs one item of the current region; false if none is left.
    private func takeItem(thread: Int) -> Bool {
        var seen = ticket.load(ordering: .acquiring)
        while seen & 0xFFFF_FFFF > 0 {
            let (exchanged, original) = ticket.weakCompareExchange(
                expected: seen, desired: seen - 1, ordering: .acquiringAndReleasing)
            if exchanged {
                perform(items - Int(seen & 0xFFFF_FFFF), thread)
                unfinished.subtract(1, ordering: .releasing)
                return true
            }
            seen = original
        }
        return false
    }

    // A function of its own, so that its hold on the body's closure ends before the item counts as finished: `run` may
    // not return while somebody still has one.
    @inline(never)
    private func perform(_ item: Int, _ thread: Int) { body(item, thread) }

    private func work() {
        let thread = started.add(1, ordering: .relaxed).newValue
        var spins = 0
        while !stopping.load(ordering: .acquiring) {
            if takeItem(thread: thread) {
                spins = 0
            } else if spins < ThreadPool.spinsBeforeSleep {
                pause(&spins)
            } else {
                sleep()
                spins = 0
            }
        }
    }

    private func sleep() {
        // Counted before the look at the ticket: who gives out a region afterwards sees that somebody must be woken.
        sleepers.add(1, ordering: .sequentiallyConsistent)
        bed.wait { _ -> Void? in
            let hasItems = ticket.load(ordering: .sequentiallyConsistent) & 0xFFFF_FFFF > 0
            return hasItems || stopping.load(ordering: .sequentiallyConsistent) ? () : nil
        }
        sleepers.subtract(1, ordering: .sequentiallyConsistent)
    }

    private static let spinsBeforeSleep = 3000
    private static let spinsBeforeAwaited = 1 << 16

    /// A moment's wait: first on the core, then giving it away, since another rank may share it.
    private func pause(_ spins: inout Int) {
        spins += 1
        prefopt_pause()
        if spins & 0x3F == 0 { sched_yield() }
    }
}

extension ThreadPool {
    /// Splits `0..<total` into ranges of a fixed `size` (the last may be shorter) and calls `body` once for each.
    @inline(__always)
    func chunks(of total: Int, size: Int, _ body: (Range<Int>) -> Void) {
        run((total + size - 1) / size) { item in
            body(item * size..<min(total, (item + 1) * size))
        }
    }
}

extension ThreadPool {
    /// Keeps all threads at multiply-adds in registers; returns the floating-point operations that they did.
    package func multiplyAdds(rounds: Int) -> Double {
        let operations = UnsafeMutablePointer<Double>.allocate(capacity: count)
        defer { operations.deallocate() }
        operations.initialize(repeating: 0, count: count)
        run(count) { (item: Int) in
            var result: Float = 0
            let done = kernels.multiply_add(rounds, &result)
            // The result is asked for, so that the compiler can't leave it out.
            operations[item] = result.isFinite ? done : 0
        }
        return (0..<count).reduce(0) { $0 + operations[$1] }
    }
}
