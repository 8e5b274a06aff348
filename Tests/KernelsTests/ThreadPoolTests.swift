import Foundation
import Kernels
import Synchronization
import Testing

@Suite(.serialized) struct ThreadPoolTests {
    /// Runs a region and returns how often each item ran. Items own their counters, so these need no lock.
    private func counts(_ items: Int, on pool: ThreadPool) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: items) { counts, length in
            counts.initialize(repeating: 0)
            let counts = counts
            pool.run(items) { (item: Int) in counts[item] += 1 }
            length = items
        }
    }

    @Test("every item of a region runs exactly once", arguments: [1, 2, 3, 8], [0, 1, 2, 7, 1000, 300_001])
    func once(threads: Int, items: Int) {
        #expect(counts(items, on: ThreadPool(count: threads)) == [UInt8](repeating: 1, count: items))
    }

    @Test("millions of items in one region", .timeLimit(.minutes(2)))
    func millions() {
        #expect(counts(3_000_000, on: ThreadPool(count: 3)).allSatisfy { $0 == 1 })
    }

    @Test(
        "tens of thousands of regions of changing sizes lose and repeat nothing", .timeLimit(.minutes(3)),
        arguments: [2, 5])
    func manyRegions(threads: Int) {
        var random = Random(UInt64(threads))
        let pool = ThreadPool(count: threads)
        let counters = UnsafeMutablePointer<Int>.allocate(capacity: 40)
        defer { counters.deallocate() }
        counters.initialize(repeating: 0, count: 40)
        var expected = [Int](repeating: 0, count: 40)
        var wrong = 0
        for region in 0..<100_000 / threads {
            let items = random.index(below: 40)
            pool.run(items) { (item: Int) in counters[item] += region }
            for item in 0..<items { expected[item] += region }
            for item in 0..<40 where counters[item] != expected[item] { wrong += 1 }
        }
        #expect(wrong == 0)
    }

    @Test("a region's threads are numbered below the count, the caller is 0, and each has its number to itself")
    func threadNumbers() {
        let pool = ThreadPool(count: 5)
        let inside = (0..<5).map { _ in Counter() }
        let clashes = Counter()
        for _ in 0..<50 {
            pool.run(200) { _, thread in
                guard (0..<5).contains(thread) else {
                    clashes.add(1)
                    return
                }
                if inside[thread].add(1) != 1 { clashes.add(1) }
                inside[thread].add(-1)
            }
        }
        #expect(clashes.value == 0)
        ThreadPool(count: 1).run(3) { _, thread in #expect(thread == 0) }
    }

    @Test("items of very different length all finish")
    func unevenItems() {
        let pool = ThreadPool(count: 4)
        let total = Counter()
        pool.run(64) { (item: Int) in
            var x = 0
            for i in 0..<(item % 16 == 0 ? 200_000 : 10) { x &+= i }
            if x >= 0 { total.add(item) }
        }
        #expect(total.value == 64 * 63 / 2)
    }

    @Test("threads that fell asleep wake for the next region", .timeLimit(.minutes(1)))
    func sleepAndWake() {
        let pool = ThreadPool(count: 4)
        for pause: UInt32 in [0, 50_000, 1000, 100, 10, 200_000, 30, 300, 3000] {
            usleep(pause)
            #expect(counts(100, on: pool).allSatisfy { $0 == 1 })
        }
    }

    @Test("pools come and go, asleep or awake", .timeLimit(.minutes(1)))
    func lifetimes() {
        for round in 0..<200 {
            let pool = ThreadPool(count: 1 + round % 6)
            if round % 3 > 0 { #expect(counts(round, on: pool).allSatisfy { $0 == 1 }) }
            if round % 20 == 0 { usleep(2000) }
        }
    }

    @Test("several pools run side by side", .timeLimit(.minutes(1)))
    func sideBySide() {
        let outer = ThreadPool(count: 3)
        let pools = (0..<6).map { _ in ThreadPool(count: 3) }
        let total = Counter()
        outer.run(6) { (item: Int) in
            for _ in 0..<200 { pools[item].run(20) { (_: Int) in total.add(1) } }
        }
        #expect(total.value == 6 * 200 * 20)
    }

    @Test("a pool of no threads is a pool of one")
    func atLeastOne() {
        #expect(ThreadPool(count: 0).count == 1)
        #expect(counts(9, on: ThreadPool(count: -3)).allSatisfy { $0 == 1 })
    }
}

/// A number that several threads may change.
private final class Counter: Sendable {
    private let number = Atomic<Int>(0)
    var value: Int { number.load(ordering: .sequentiallyConsistent) }

    @discardableResult
    func add(_ amount: Int) -> Int { number.add(amount, ordering: .sequentiallyConsistent).newValue }
}
