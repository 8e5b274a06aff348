import Kernels

/// The place of a parameter's values.
enum Place: Sendable, Equatable {
    /// From this element of the trained vector on; its gradient from the same element of the gradient vector.
    case trained(Int)
    /// A matrix's number among the frozen ones, or a vector's first element in the frozen vectors. There is no gradient.
    case frozen(Int)

    /// The place of the gradient, if there is one.
    func gradient(in gradients: UnsafeMutablePointer<Float>?) -> UnsafeMutablePointer<Float>? {
        if case .trained(let start) = self { gradients.map { $0 + start } } else { nil }
    }

    /// The place of a later element of a vector.
    func advanced(by elements: Int) -> Place {
        switch self {
        case .trained(let start): .trained(start + elements)
        case .frozen(let start): .frozen(start + elements)
        }
    }
}

/// The values that places refer to.
struct Values {
    /// The trained vector.
    let trained: UnsafeMutablePointer<Float>
    /// The frozen values: norms and biases one after the other, and matrices as their files store them.
    let vectors: UnsafePointer<Float>
    let matrices: UnsafePointer<StoredMatrix>

    /// A side that is nil has no places, so its address is never used.
    init(trained: UnsafeMutablePointer<Float>?, _ frozen: FrozenWeights?) {
        self.trained = trained ?? UnsafeMutablePointer(bitPattern: 64)!
        vectors = frozen.map { UnsafePointer($0.vectors) } ?? UnsafePointer(bitPattern: 64)!
        matrices = frozen.map { UnsafePointer($0.matrices) } ?? UnsafePointer(bitPattern: 64)!
    }

    @inline(__always)
    func vector(_ place: Place) -> UnsafePointer<Float> {
        switch place {
        case .trained(let start): UnsafePointer(trained + start)
        case .frozen(let start): vectors + start
        }
    }
}
