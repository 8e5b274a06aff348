import Kernels

/// The buffers of adapters within a block.
struct LowRankSpace {
    let extent: LowRankExtent
    /// [T, low] of the block's record, and its derivative, of the block at hand.
    let u: UnsafeMutablePointer<Float>
    let du: UnsafeMutablePointer<Float>
    /// [T, wide] of the block's record, and its derivative: what DoRA's magnitudes multiply.
    let z: UnsafeMutablePointer<Float>
    let dz: UnsafeMutablePointer<Float>
    /// [wide] twice, of the block's record: DoRA's factors, and the reciprocal norms of adapted rows.
    let factors: UnsafeMutablePointer<Float>
    /// [T, K] for the largest K: a dropped copy of an input. Only with dropout.
    let dropped: UnsafeMutablePointer<Float>
    let normScratch: UnsafeMutablePointer<Float>
    let dropout: RowDropout?
    /// Of adapters for several objectives.
    let weights: RowWeights?

    /// An adapter's columns of u.
    func u(_ adapter: Adapter, rows: Int) -> Matrix {
        Matrix(u + adapter.low, rows: rows, columns: adapter.rank, stride: extent.low)
    }

    func du(_ adapter: Adapter, rows: Int) -> Matrix {
        Matrix(du + adapter.low, rows: rows, columns: adapter.rank, stride: extent.low)
    }

    /// A projection's columns of z.
    func z(_ projection: Projection, rows: Int) -> Matrix {
        Matrix(z + projection.wide, rows: rows, columns: projection.outputs, stride: extent.wide)
    }

    func dz(_ projection: Projection, rows: Int) -> Matrix {
        Matrix(dz + projection.wide, rows: rows, columns: projection.outputs, stride: extent.wide)
    }

    func factors(_ projection: Projection) -> UnsafeMutablePointer<Float> { factors + projection.wide }

    func reciprocals(_ projection: Projection) -> UnsafeMutablePointer<Float> {
        factors + extent.wide + projection.wide
    }
}

/// The sizes of the buffers that the adapters of one block need.
package struct LowRankExtent: Sendable, Equatable {
    /// Σ r
    var low = 0
    /// Σ N of the projections with magnitudes (DoRA), and r and the largest N of a matrix of these.
    var wide = 0
    var rank = 0
    var widest = 0
    /// Whether training drops elements of their inputs.
    var drops = false

    /// There are none.
    package static let none = LowRankExtent()

    mutating func formUnion(_ other: LowRankExtent) {
        low = max(low, other.low)
        wide = max(wide, other.wide)
        rank = max(rank, other.rank)
        widest = max(widest, other.widest)
    }
}

extension ParameterTable {
    /// The sizes of a workspace's buffers for the adapters.
    package var lowRank: LowRankExtent {
        guard case .adapters(let adaptation) = trainable else { return .none }
        var extent = LowRankExtent()
        for block in blocks {
            var low = LowRankExtent()
            for linear in block.linear { _ = Projection(linear, low: &low) }
            extent.formUnion(low)
        }
        extent.drops = adaptation.config.loraDropout > 0
        return extent
    }
}
