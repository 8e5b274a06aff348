/// A tensor where it lies: a name, a shape and its bytes in a mapped file. Whoever opened the file (a
/// `SafetensorsFile` or a `ModelDirectory`) must be kept alive while `bytes` is used.
package struct TensorView: Sendable {
    package let name: String
    package let elementType: ElementType
    /// Dimensions, outermost first; empty for a scalar, and any of them may be 0.
    package let shape: [Int]
    /// Little-endian elements in row-major order. The format doesn't promise alignment (see `isAligned`).
    package nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

    /// Number of elements.
    package var count: Int { bytes.count / elementType.size }

    /// Whether `bytes` may be bound to a type of the element's size. Files written with today's libraries are aligned;
    /// old ones need unaligned loads.
    package var isAligned: Bool { UInt(bitPattern: bytes.baseAddress) % UInt(elementType.size) == 0 }
}
