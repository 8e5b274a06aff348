import Kernels
import Testing

@Suite struct ExactSumTests {
    private func sum(
        _ parts: [[Float]], threads: Int = 2
    ) -> (integers: [Int64], bound: Double, floats: [Float]) {
        let count = parts[0].count
        let pool = ThreadPool(count: threads)
        var integers = [Int64](repeating: 0, count: count)
        var bound = 0.0
        for part in parts {
            let gradients = Grid(part)
            bound += ExactSum.add(gradients.pointer, to: &integers, count: count, on: pool)
            #expect(gradients.floats.allSatisfy { $0 == 0 } && gradients.fenceHolds)
        }
        let (floats, sums) = (Grid(1, count), integers)
        ExactSum.store(&integers, into: floats.pointer, count: count, on: pool)
        #expect(floats.fenceHolds && integers.allSatisfy { $0 == 0 })
        return (sums, bound, floats.floats)
    }

    private func parts(_ number: Int, _ count: Int, _ random: inout Random) -> [[Float]] {
        // Magnitudes from 1e-12 to 1e3, as gradients have them.
        (0..<number).map { _ in
            random.floats(count).map { value in
                value * Float(sign: .plus, exponent: random.index(below: 50) - 40, significand: 1)
            }
        }
    }

    @Test("any order, grouping and number of threads gives the same integers", arguments: [1, 7, 9, 100, 70_001])
    func order(count: Int) {
        var random = Random(1)
        let parts = parts(12, count, &random)
        let expected = sum(parts)
        for threads in [1, 2, 3, 5] {
            let shuffled = parts.shuffled(using: &random)
            #expect(sum(shuffled, threads: threads).integers == expected.integers)
            // Ranks: each adds up some of the parts, then the integers are added.
            let cut = 1 + random.index(below: 11)
            let (here, there) = (sum(Array(shuffled[..<cut])), sum(Array(shuffled[cut...])))
            #expect(zip(here.integers, there.integers).map { $0 &+ $1 } == expected.integers)
        }
    }

    @Test("each gradient is rounded to the nearest unit, and the sum to the nearest float32")
    func rounding() {
        var random = Random(2)
        let values = parts(1, 10_001, &random)[0]
        let (integers, _, floats) = sum([values])
        for (value, (integer, float)) in zip(values, zip(integers, floats)) {
            #expect(abs(Double(integer) * ExactSum.unit - Double(value)) <= ExactSum.unit / 2)
            #expect(float == Float(integer) * 0x1p-44)
            // A float32 of 2⁻²¹ and more is a multiple of the unit.
            if abs(value) >= 0x1p-21 { #expect(float == value) }
        }
    }

    @Test("opposite gradients leave exactly zero")
    func cancellation() {
        var random = Random(3)
        let parts = parts(3, 1001, &random)
        #expect(sum(parts + parts.map { $0.map(-) }).integers.allSatisfy { $0 == 0 })
    }

    @Test("the bound is the largest magnitude of each contribution, added up")
    func bound() {
        for place in 0..<20 {
            var (a, b) = ([Float](repeating: 0.25, count: 20), [Float](repeating: -0.5, count: 20))
            a[place] = -3
            b[19 - place] = 7.5
            #expect(sum([a, b]).bound == 10.5)
        }
        #expect(sum([[0, 0, 0]]).bound == 0)
        var long = [Float](repeating: 0, count: 100_000)
        long[99_999] = -42
        #expect(sum([long]).bound == 42)
    }

    @Test("contributions within the limit never overflow")
    func nearTheLimit() {
        let most = Float(ExactSum.limit) * 0.25
        let (integers, bound, floats) = sum([[most, -most, 1], [most, -most, 1], [most, -most, 0x1p-40]])
        #expect(bound == 0.75 * ExactSum.limit)
        #expect(floats == [3 * most, -3 * most, 2])
        #expect(integers[2] == Int64(2 / ExactSum.unit) + 16)
    }

    @Test(
        "a gradient that is no number, infinite or past the limit makes the bound infinite",
        arguments: nans + [0x7F80_0000, 0xFF80_0000, 0x4880_0000, 0xC8FF_FFFF])
    func notFinite(_ bits: UInt32) {
        for place in 0..<19 {
            var values = [Float](repeating: 1, count: 19)
            values[place] = Float(bitPattern: bits)
            values[(place + 3) % 19] = 100
            #expect(sum([values]).bound == .infinity)
        }
    }
}
