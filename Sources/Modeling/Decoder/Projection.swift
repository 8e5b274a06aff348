import Kernels

/// A linear map y = x Wᵀ + b with what adapters add to it, known by its parameters' places.
///
/// Of a micro-batch's two backward passes the one to the input comes first: it leaves the adapters' derivatives for the
/// other.
struct Projection: Sendable {
    /// Some of the outputs.
    private struct Piece: Sendable {
        /// N' of the N
        let outputs: Range<Int>
        /// Rows of W [N', K]
        let weight: Place
        let adapter: Adapter?
    }

    private let pieces: [Piece]
    /// b [N]
    private let bias: Place?
    /// N and K
    let outputs: Int
    private let inputs: Int
    /// First column in `LowRankSpace.z`, where adapters have magnitudes.
    let wide: Int

    /// - Parameter low: of the block, up to this projection; grows by what its adapters need.
    init(_ parameters: LinearParameters, low: inout LowRankExtent) {
        var pieces: [Piece] = []
        for piece in parameters.pieces {
            let adapter = piece.adapter.map { Adapter($0, low: low.low) }
            low.low += piece.adapter?.rank ?? 0
            pieces.append(Piece(outputs: piece.outputs, weight: piece.weight, adapter: adapter))
        }
        (self.pieces, bias) = (pieces, parameters.bias)
        (outputs, inputs, wide) = (parameters.outputs, parameters.inputs, low.wide)
        guard let adapter = magnitudes?.parameters else { return }
        low.wide += outputs
        low.widest = max(low.widest, pieces.map(\.outputs.count).max() ?? 0)
        low.rank = max(low.rank, adapter.rank)
    }

    var isAdapted: Bool { pieces.contains { $0.adapter != nil } }

    /// An adapter with magnitudes, if there is one; then all have them.
    private var magnitudes: Adapter? { pieces.lazy.compactMap(\.adapter).first { $0.parameters.magnitude != nil } }

    /// y = x Wᵀ + b, or y += …
    func forward(_ x: Matrix, into y: Matrix, adding: Bool = false, _ pass: LayerPass) {
        let bias = bias.map { pass.values.vector($0) }
        if magnitudes != nil {
            record(x, pass)
            return Magnitude.forward(
                pass.low.z(self, rows: x.rows), factors: pass.low.factors(self), bias: bias, into: y, adding: adding,
                on: pass.pool)
        }
        multiply(x, bias: bias, into: y, adding: adding, pass)
    }

    /// Leaves what `forward` does for the backward pass, without y.
    func record(_ x: Matrix, _ pass: LayerPass) {
        guard magnitudes != nil else {
            for piece in pieces { _ = piece.adapter?.forward(x, pass) }
            return
        }
        let (factors, reciprocals) = (pass.low.factors(self), pass.low.reciprocals(self))
        factors.update(repeating: 1, count: outputs)
        for piece in pieces {
            if case .frozen(let number) = piece.weight {
                piece.adapter?.fillFactors(
                    pass.values.matrices[number], factors + piece.outputs.lowerBound,
                    reciprocals + piece.outputs.lowerBound, pass)
            }
        }
        multiply(x, bias: nil, into: pass.low.z(self, rows: x.rows), adding: false, pass)
    }

    /// y = x Wᵀ + b of two projections of the same rows.
    static func forward(
        _ x: Matrix, _ first: Projection, into y: Matrix, _ second: Projection, into z: Matrix, _ pass: LayerPass
    ) {
        if first.suitsTogether(x, pass), second.suitsTogether(x, pass) {
            withUnsafeTemporaryAllocation(of: Linear.Map.self, capacity: first.pieces.count + second.pieces.count) { room in
                first.putMaps(into: y, adding: false, pass, room, at: 0)
                second.putMaps(into: z, adding: false, pass, room, at: first.pieces.count)
                Linear.forward(x, UnsafeBufferPointer(room), on: pass.pool)
                room.deinitialize()
            }
        } else {
            first.forward(x, into: y, pass)
            second.forward(x, into: z, pass)
        }
    }

    /// Whether its pieces are maps that these rows go through together: not for many rows, nor where adapters add to it.
    private func suitsTogether(_ x: Matrix, _ pass: LayerPass) -> Bool {
        guard Linear.suitsTogether(rows: x.rows, on: pass.pool), !isAdapted else { return false }
        return pieces.allSatisfy { piece in
            if case .frozen(let number) = piece.weight { !pass.values.matrices[number].isTransposed } else { true }
        }
    }

    /// Puts a map for each of its pieces at a place and behind it.
    private func putMaps(
        into y: Matrix, adding: Bool, _ pass: LayerPass, _ room: UnsafeMutableBufferPointer<Linear.Map>, at place: Int
    ) {
        let bias = bias.map { pass.values.vector($0) }
        for (number, piece) in pieces.enumerated() {
            let (y, bias) = (y.columns(piece.outputs), bias.map { $0 + piece.outputs.lowerBound })
            switch piece.weight {
            case .trained(let start):
                room.initializeElement(
                    at: place + number,
                    to: Linear.Map(matrix(pass.values.trained + start), bias: bias, into: y, adding: adding))
            case .frozen(let matrix):
                room.initializeElement(
                    at: place + number, to: Linear.Map(pass.values.matrices[matrix], bias: bias, into: y, adding: adding))
            }
        }
    }

    private func multiply(_ x: Matrix, bias: UnsafePointer<Float>?, into y: Matrix, adding: Bool, _ pass: LayerPass) {
        if pieces.count > 1, suitsTogether(x, pass) {
            return withUnsafeTemporaryAllocation(of: Linear.Map.self, capacity: pieces.count) { room in
                putMaps(into: y, adding: adding, pass, room, at: 0)
                Linear.forward(x, UnsafeBufferPointer(room), adding: adding, on: pass.pool)
                room.deinitialize()
            }
        }
        for piece in pieces {
            let (y, bias) = (y.columns(piece.outputs), bias.map { $0 + piece.outputs.lowerBound })
            switch piece.weight {
            case .trained(let start):
                Linear.forward(
                    x, weight: matrix(pass.values.trained + start), bias: bias, into: y, adding: adding, on: pass.pool)
            case .frozen(let number):
                Linear.forward(
                    x, weight: pass.values.matrices[number], bias: bias, term: piece.adapter?.forward(x, pass), into: y,
                    adding: adding, on: pass.pool)
            }
        }
    }

    /// dx = dy W, or dx += dy W
    func backward(_ dy: Matrix, into dx: Matrix, adding: Bool = false, _ pass: LayerPass) {
        if magnitudes != nil {
            Magnitude.backward(
                dy, factors: pass.low.factors(self), into: pass.low.dz(self, rows: dy.rows), on: pass.pool)
        }
        let dz = scaled(dy, pass)
        for (number, piece) in pieces.enumerated() {
            let (dz, adding) = (dz.columns(piece.outputs), adding || number > 0)
            switch piece.weight {
            case .trained(let start):
                Linear.backwardInput(
                    dz, weight: matrix(pass.values.trained + start), into: dx, adding: adding, on: pass.pool)
            case .frozen(let number):
                let term = piece.adapter?.backward(dz, pass)
                let isAdded = pass.low.dropout == nil
                Linear.backwardInput(
                    dz, weight: pass.values.matrices[number], term: isAdded ? term : nil, into: dx, adding: adding,
                    on: pass.pool)
                if let term, !isAdded { piece.adapter?.addDropped(term, into: dx, pass) }
            }
        }
    }

    /// dW += dyᵀ x, db += Σ dy, and the adapters' gradients
    func backward(_ dy: Matrix, input x: Matrix, _ pass: LayerPass) {
        guard let gradients = pass.gradients else { return }
        if let dBias = bias?.gradient(in: gradients) { Linear.backwardBias(dy, into: dBias, on: pass.pool) }
        let dz = scaled(dy, pass)
        for piece in pieces {
            if let dWeight = piece.weight.gradient(in: gradients) {
                Linear.backwardWeight(dy, x, into: matrix(dWeight), on: pass.pool)
            }
            guard let adapter = piece.adapter else { continue }
            adapter.backward(dz.columns(piece.outputs), input: x, gradients: gradients, pass)
            adapter.backward(
                dy.columns(piece.outputs), pass.low.z(self, rows: dy.rows).columns(piece.outputs),
                reciprocals: pass.low.reciprocals(self) + piece.outputs.lowerBound, gradients: gradients, pass)
        }
    }

    /// The derivative by what magnitudes multiply; dy itself where there are none.
    private func scaled(_ dy: Matrix, _ pass: LayerPass) -> Matrix {
        magnitudes == nil ? dy : pass.low.dz(self, rows: dy.rows)
    }

    private func matrix(_ base: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(base, rows: outputs, columns: inputs)
    }
}
