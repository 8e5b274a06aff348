/// Sums and norms of the gradient vector between the backward pass and the update.
package enum GradientSum {
    /// Elements of a partial sum. Whoever adds up the partial sums in order gets the same bits however the vector was divided
    /// among ranks, if no run was.
    package static let run = 1 << 12
    private static let runsPerItem = 8

    /// The number of a vector's partial sums.
    package static func runs(_ count: Int) -> Int { (count + run - 1) / run }

    /// √Σ g², added up in double precision.
    package static func norm(_ gradients: UnsafePointer<Float>, count: Int, on pool: ThreadPool) -> Double {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, runs(count))) { partial in
            squares(gradients, range: 0..<count, into: partial.baseAddress!, on: pool)
            return partial[..<runs(count)].reduce(0, +).squareRoot()
        }
    }

    /// partial[r] = Σ g² over run r in double precision, for the runs that `range` of the vector consists of; it begins with
    /// a run.
    package static func squares(
        _ gradients: UnsafePointer<Float>, range: Range<Int>, into partial: UnsafeMutablePointer<Double>,
        on pool: ThreadPool
    ) {
        pool.chunks(of: range.count, size: runsPerItem * run) { part in
            for first in stride(from: part.lowerBound, to: part.upperBound, by: run) {
                let start = range.lowerBound + first
                let count = min(run, part.upperBound - first)
                var lanes = SIMD8<Double>.zero
                var rest = 0.0
                for i in groups(of: count) {
                    let g = SIMD8<Double>(Vector(from: gradients + start + i))
                    lanes += g * g
                }
                for i in remainder(of: count) {
                    let g = Double(gradients[start + i])
                    rest += g * g
                }
                partial[start / run] = lanes.sum() + rest
            }
        }
    }
}

/// Sums that don't depend on their order: 64-bit integers in units of 2⁻⁴⁴.
///
/// Float32 addition rounds, so a sum's bits depend on who added what first. A micro-batch's gradient is therefore rounded
/// once, to a multiple of 5.7e-14, and integers are added from there on: over micro-batches, ranks and nodes, in any order,
/// with the same bits. The integers hold magnitudes up to 2¹⁹; `add` reports each contribution's largest magnitude, and as
/// long as those add up to less than `limit` no sum can have overflowed.
package enum ExactSum {
    /// The weight of the integers' last bit.
    package static let unit = 0x1p-44
    /// The limit of the sum of all contributions' largest magnitudes. Gradients of that size belong to a diverged run.
    package static let limit = 0x1p18
    private static let elementsPerItem = 1 << 15

    /// sums += g, rounded to the nearest unit, and g = 0; returns the largest |g|, infinite if some g is not a number or not below
    /// `limit` (the sums are then worthless).
    package static func add(
        _ gradients: UnsafeMutablePointer<Float>, to sums: UnsafeMutablePointer<Int64>, count: Int, on pool: ThreadPool
    ) -> Double {
        let items = (count + elementsPerItem - 1) / elementsPerItem
        return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: max(1, items)) { peaks in
            pool.run(items) { (item: Int) in
                let start = item * elementsPerItem
                var lanes = SIMD8<UInt32>.zero
                var rest: UInt32 = 0
                for i in groups(of: min(elementsPerItem, count - start)) {
                    let g = Vector(from: gradients + start + i)
                    lanes = lanes.replacing(with: g.magnitudeBits, where: lanes .< g.magnitudeBits)
                    let sum = UnsafeMutableRawPointer(sums + start + i)
                    sum.storeBytes(of: sum.loadUnaligned(as: SIMD8<Int64>.self) &+ units(of: g), as: SIMD8<Int64>.self)
                    Vector.zero.store(to: gradients + start + i)
                }
                for i in remainder(of: min(elementsPerItem, count - start)) {
                    let g = Vector(repeating: gradients[start + i])
                    rest = max(rest, g.magnitudeBits[0])
                    sums[start + i] &+= units(of: g)[0]
                    gradients[start + i] = 0
                }
                peaks[item] = max(lanes.max(), rest)
            }
            // The bit patterns of magnitudes are ordered as they are, with infinity and then the NaNs at the end.
            let peak = peaks[..<items].reduce(0, max)
            return peak < Float(limit).bitPattern ? Double(Float(bitPattern: peak)) : .infinity
        }
    }

    /// g / unit, rounded to the nearest integer, for |g| < `limit`.
    ///
    /// AVX2 can't convert to 64-bit integers, but adding 1.5 · 2⁵² leaves a rounded double's integer in its low bits, for
    /// magnitudes up to 2⁵¹. So the multiple of 2²⁴ goes first, then the exact rest.
    @inline(__always)
    private static func units(of g: Vector) -> SIMD8<Int64> {
        let magic = SIMD8<Double>(repeating: 0x1.8p52)
        let x = SIMD8<Double>(g) * (1 / unit)
        let high = x * 0x1p-24 + magic
        let low = x - (high - magic) * 0x1p24 + magic
        let magicBits = unsafeBitCast(magic, to: SIMD8<Int64>.self)
        return ((unsafeBitCast(high, to: SIMD8<Int64>.self) &- magicBits) &<< 24)
            &+ (unsafeBitCast(low, to: SIMD8<Int64>.self) &- magicBits)
    }

    /// g = sums, rounded once to float32, and sums = 0.
    package static func store(
        _ sums: UnsafeMutablePointer<Int64>, into gradients: UnsafeMutablePointer<Float>, count: Int,
        on pool: ThreadPool
    ) {
        pool.chunks(of: count, size: elementsPerItem) { range in
            for i in range {
                gradients[i] = Float(sums[i]) * Float(unit)
                sums[i] = 0
            }
        }
    }
}
