import Kernels

/// All memory that a micro-batch needs beside weights and gradients, cut once for the largest one of the run.
package final class Workspace {
    /// The uses of the memory.
    package enum Purpose: Sendable {
        /// Logps only: one record, overwritten by each block.
        case scoring
        /// Forward and backward. With `recompute` only the blocks' inputs are kept, and backward runs each block again.
        case training(recompute: Bool)
    }

    package let extent: BatchExtent
    /// Floats by part, for the memory table.
    package var parts: [(name: String, floats: Int)] { buffers.parts }

    let recompute: Bool
    let low: LowRankExtent
    let buffers: Buffers
    private let memory: Memory

    /// The buffers that the memory is cut into.
    struct Buffers {
        /// [T, D] what enters each block, and [A, D] what leaves the last. Scoring goes back and forth between two.
        let streams: [UnsafeMutablePointer<Float>]
        /// One for each layer, or one that every block overwrites.
        let records: [Record]
        let block: BlockScratch
        let head: HeadSpace
        /// One for each thread.
        let attention: [UnsafeMutablePointer<Float>]
        /// Floats by part, for the memory table.
        let parts: [(name: String, floats: Int)]
    }

    /// Buffers that live within one block.
    struct BlockScratch {
        /// [T, D] normalised rows, and [A, D] the output rows of them.
        let normed: UnsafeMutablePointer<Float>
        let outputRows: UnsafeMutablePointer<Float>
        /// [T, F]
        let activation: UnsafeMutablePointer<Float>
        /// [T, D] gradient of the residual stream, and of the normalised rows; [A, D] of output rows.
        let dStream: UnsafeMutablePointer<Float>
        let dNormed: UnsafeMutablePointer<Float>
        let dOutputRows: UnsafeMutablePointer<Float>
        /// [T, H · E] gradient of attention's output and of the queries; [T, 2 G · E] of keys and values.
        let dAttended: UnsafeMutablePointer<Float>
        let dQuery: UnsafeMutablePointer<Float>
        let dKeyValue: UnsafeMutablePointer<Float>
        /// [T, G · E] gradient of the keys before their norm, and [T, D] of what the feed-forward network of a parallel
        /// block reads; in models that have them.
        let dPlainKeys: UnsafeMutablePointer<Float>
        let dMiddle: UnsafeMutablePointer<Float>
        /// Of adapters: see `LowRankSpace`.
        let du: UnsafeMutablePointer<Float>
        let dz: UnsafeMutablePointer<Float>
        let dropped: UnsafeMutablePointer<Float>
        let normScratch: UnsafeMutablePointer<Float>
    }

    /// Buffers of the response head.
    struct HeadSpace {
        /// Rows of a chunk.
        let chunk: Int
        /// [chunk, D] hidden rows that predict, and their gradients.
        let hidden: UnsafeMutablePointer<Float>
        let dHidden: UnsafeMutablePointer<Float>
        /// [chunk, V]
        let logits: UnsafeMutablePointer<Float>
        /// [R] per scored token.
        let logps: UnsafeMutablePointer<Float>
        let normalizers: UnsafeMutablePointer<Float>
        let gradients: UnsafeMutablePointer<Float>
        /// [R] values of the states that scored tokens are drawn in, and their gradients, in models that have them.
        let values: UnsafeMutablePointer<Float>
        let valueGradients: UnsafeMutablePointer<Float>
        /// [A] of the final norm.
        let statistics: UnsafeMutablePointer<Float>
    }

    /// - Throws: `MemoryError`.
    package init(
        _ a: Architecture, low: LowRankExtent = .none, extent: BatchExtent, purpose: Purpose, on pool: ThreadPool
    ) throws(MemoryError) {
        self.extent = extent
        self.low = low
        var dry = Cutter()
        _ = Buffers(a, low, extent, purpose, threads: pool.count, &dry)
        memory = try Memory(bytes: dry.count * 4, touchedBy: pool)
        var cutter = Cutter(memory)
        buffers = Buffers(a, low, extent, purpose, threads: pool.count, &cutter)
        if case .training(recompute: true) = purpose { recompute = true } else { recompute = false }
    }

    /// Floats by part, without taking any memory.
    package static func forecast(
        _ a: Architecture, low: LowRankExtent = .none, extent: BatchExtent, purpose: Purpose, threads: Int
    ) -> [(name: String, floats: Int)] {
        var dry = Cutter()
        return Buffers(a, low, extent, purpose, threads: threads, &dry).parts
    }
}

extension Workspace.Buffers {
    fileprivate init(
        _ a: Architecture, _ low: LowRankExtent, _ extent: BatchExtent, _ purpose: Workspace.Purpose, threads: Int,
        _ cutter: inout Cutter
    ) {
        let (t, out, d) = (extent.rows, extent.outputRows, a.width)
        var parts: [(name: String, floats: Int)] = []
        var mark = 0
        func note(_ name: String, _ cutter: Cutter) {
            parts.append((name, cutter.count - mark))
            mark = cutter.count
        }

        let (kept, backward): (Int, Bool) =
            switch purpose {
            case .scoring: (1, false)
            case .training(let recompute): (recompute ? 1 : a.layers, true)
            }
        streams = (0..<(backward ? a.layers + 1 : 2)).map { _ in cutter.take(t * d) }
        records = (0..<kept).map { _ in Record(a, rows: t, low: low, cutter: &cutter) }
        note("activations", cutter)

        let gradientRows = backward ? t : 0
        block = Workspace.BlockScratch(
            normed: cutter.take(t * d), outputRows: cutter.take(out * d), activation: cutter.take(t * a.feedForward),
            dStream: cutter.take(gradientRows * d), dNormed: cutter.take(gradientRows * d),
            dOutputRows: cutter.take(backward ? out * d : 0), dAttended: cutter.take(gradientRows * a.queryWidth),
            dQuery: cutter.take(gradientRows * a.queryWidth), dKeyValue: cutter.take(gradientRows * 2 * a.keyWidth),
            dPlainKeys: cutter.take(a.queryKeyNorm == .none ? 0 : gradientRows * a.keyWidth),
            dMiddle: cutter.take(a.parallelResidual ? gradientRows * a.width : 0),
            du: cutter.take(gradientRows * low.low), dz: cutter.take(gradientRows * low.wide),
            dropped: cutter.take(low.drops ? gradientRows * max(a.width, a.queryWidth, a.feedForward) : 0),
            normScratch: cutter.take(Magnitude.scratchCount(outputs: low.widest, rank: low.rank)))
        attention = (0..<threads).map { _ in
            cutter.take(
                max(
                    Attention.scratchCount(keys: extent.keys, width: a.headWidth),
                    PagedAttention.scratchCount(
                        keys: extent.keys, heads: a.heads, keyHeads: a.keyHeads, width: a.headWidth)))
        }
        note("block scratch", cutter)

        let chunk = min(max(1, extent.scoredRows), ResponseHead.chunkRows(vocabulary: a.outputs))
        head = Workspace.HeadSpace(
            chunk: chunk, hidden: cutter.take(chunk * d), dHidden: cutter.take(backward ? chunk * d : 0),
            logits: cutter.take(chunk * a.outputs), logps: cutter.take(extent.scoredRows),
            normalizers: cutter.take(extent.scoredRows), gradients: cutter.take(extent.scoredRows),
            values: cutter.take(a.output == .logitsAndValues ? extent.scoredRows : 0),
            valueGradients: cutter.take(a.output == .logitsAndValues ? extent.scoredRows : 0),
            statistics: cutter.take(out * Normalization.statistics(a.norm)))
        note("head chunk", cutter)
        self.parts = parts
    }
}
