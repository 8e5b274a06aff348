import Checkpoints
import Collectives
import Kernels
import Modeling
import RunFiles

/// Describes what an optimizer remembers between steps, without memory of its own. It has the arrays, under the names they
/// are saved by, and how an array's elements follow those of the parameter vector.
///
/// With eight bits a block of 256 parameters keeps both moments in bytes with a scale each (see `QuantizedVector`). Blocks
/// run on through the whole vector. As in bitsandbytes, tensors below 4,096 elements keep 32 bits: here, every block that
/// touches one, and every block in which weight decay begins or ends. Those are *wide*; their moments lie one after another
/// in arrays of their own.
package struct OptimizerState {
    /// The unit for which a part has an element.
    package enum Spacing {
        case parameter, block, wideParameter
    }

    /// One array of the state.
    package struct Part {
        package let name: String
        package let elementType: ElementType
        package let spacing: Spacing
    }

    /// Parameters that are updated alike.
    package struct Piece: Equatable {
        package let range: Range<Int>
        package let decays: Bool
        /// Whether their moments are eight bits.
        package let isNarrow: Bool
    }

    /// No share begins within so many elements: a block is never parted, nor is a partial sum of the gradient's norm.
    package static let grain = GradientSum.run
    private static let block = QuantizedVector.block
    private static let smallest = 4096

    package let count: Int
    /// Wider elements first, as files want it.
    package let parts: [Part]
    private let parameters: [(range: Range<Int>, decays: Bool)]
    /// The wide blocks, in rising order.
    private let wideBlocks: [Range<Int>]

    package init(_ kind: OptimizerKind, parameters: [(range: Range<Int>, decays: Bool)]) {
        self.parameters = parameters
        let count = parameters.last?.range.upperBound ?? 0
        self.count = count
        guard kind == .adamw8Bit else {
            parts = OptimizerState.moments(kind).map { Part(name: $0, elementType: .float32, spacing: .parameter) }
            wideBlocks = []
            return
        }
        let wide = OptimizerState.wideBlocks(parameters)
        wideBlocks = wide
        let moments = OptimizerState.moments(kind)
        parts =
            moments.map { Part(name: "\($0).absmax", elementType: .float32, spacing: .block) }
            + (wide.isEmpty
                ? [] : moments.map { Part(name: "\($0).wide", elementType: .float32, spacing: .wideParameter) })
            + moments.map { Part(name: $0, elementType: .uint8, spacing: .parameter) }
    }

    init(_ kind: OptimizerKind, table: ParameterTable) {
        self.init(kind, parameters: table.trainedParameters.map { ($0.range, $0.decays) })
    }

    /// torch's names.
    private static func moments(_ kind: OptimizerKind) -> [String] {
        switch kind {
        case .adamw, .adamw8Bit: ["exp_avg", "exp_avg_sq"]
        case .rmsprop: ["square_avg"]
        case .sgd: []
        }
    }

    private static func wideBlocks(_ parameters: [(range: Range<Int>, decays: Bool)]) -> [Range<Int>] {
        var blocks: [Range<Int>] = []
        func add(_ range: Range<Int>) {
            let touched = range.lowerBound / block..<(range.upperBound + block - 1) / block
            if let last = blocks.last, last.upperBound >= touched.lowerBound {
                blocks[blocks.count - 1] = last.lowerBound..<max(last.upperBound, touched.upperBound)
            } else {
                blocks.append(touched)
            }
        }
        var decays: Bool?
        for parameter in parameters where !parameter.range.isEmpty {
            if let decays, decays != parameter.decays, parameter.range.lowerBound % block != 0 {
                add(parameter.range.lowerBound - 1..<parameter.range.lowerBound + 1)
            }
            if parameter.range.count < smallest { add(parameter.range) }
            decays = parameter.decays
        }
        return blocks
    }

    // MARK: - Places

    /// The elements of a part that belong to a range of parameters, which begins with a block and ends with one or with
    /// the vector.
    package func elements(_ spacing: Spacing, of range: Range<Int>) -> Range<Int> {
        switch spacing {
        case .parameter: range
        case .block: range.lowerBound / OptimizerState.block..<blocks(range.upperBound)
        case .wideParameter: wideParameters(before: range.lowerBound)..<wideParameters(before: range.upperBound)
        }
    }

    /// The elements of a part as a whole.
    package func count(of part: Part) -> Int { elements(part.spacing, of: 0..<count).count }

    /// Bytes that a share of the vector takes.
    package func bytes(of share: Range<Int>) -> Int {
        parts.reduce(0) { $0 + $1.elementType.size * elements($1.spacing, of: share).count }
    }

    private func blocks(_ parameters: Int) -> Int { (parameters + OptimizerState.block - 1) / OptimizerState.block }

    /// The number of parameters before this one that are in wide blocks.
    package func wideParameters(before parameter: Int) -> Int {
        wideBlocks.reduce(0) { sum, blocks in
            let (start, end) = (blocks.lowerBound * OptimizerState.block, blocks.upperBound * OptimizerState.block)
            return sum + max(0, min(end, parameter, count) - start)
        }
    }

    /// A share of the vector cut into pieces that are updated alike.
    ///
    /// - Parameter decay: whether it matters which parameters decay.
    package func pieces(of share: Range<Int>, decay: Bool) -> [Piece] {
        guard decay || !wideBlocks.isEmpty else {
            return [Piece(range: share, decays: false, isNarrow: parts.contains { $0.elementType == .uint8 })]
        }
        let isEightBit = parts.contains { $0.elementType == .uint8 }
        var borders = Set([share.lowerBound, share.upperBound])
        for parameter in parameters { borders.insert(parameter.range.lowerBound) }
        for blocks in wideBlocks {
            borders.insert(blocks.lowerBound * OptimizerState.block)
            borders.insert(blocks.upperBound * OptimizerState.block)
        }
        let places = borders.filter { share.lowerBound <= $0 && $0 <= share.upperBound }.sorted()
        var pieces: [Piece] = []
        var parameter = 0
        var wide = 0
        for (start, end) in zip(places, places.dropFirst()) {
            while parameters[parameter].range.upperBound <= start { parameter += 1 }
            while wide < wideBlocks.count, wideBlocks[wide].upperBound * OptimizerState.block <= start { wide += 1 }
            let isWide = wide < wideBlocks.count && wideBlocks[wide].lowerBound * OptimizerState.block <= start
            let piece = Piece(
                range: start..<end, decays: decay && parameters[parameter].decays, isNarrow: isEightBit && !isWide)
            if let last = pieces.last, last.decays == piece.decays, last.isNarrow == piece.isNarrow {
                pieces[pieces.count - 1] = Piece(
                    range: last.range.lowerBound..<end, decays: last.decays, isNarrow: last.isNarrow)
            } else {
                pieces.append(piece)
            }
        }
        return pieces
    }
}
