import Glibc

/// Zeroed memory straight from the operating system, in huge pages where it has them: for the few large, long-lived arrays.
package final class Memory: @unchecked Sendable {
    package let bytes: Int
    private let address: UnsafeMutableRawPointer

    /// - Parameter pool: its threads touch every page now, so that none arrives in the middle of a step. Without one, pages
    ///   come when they are first used.
    /// - Throws: `MemoryError` when the operating system refuses.
    package init(bytes: Int, touchedBy pool: ThreadPool? = nil) throws(MemoryError) {
        self.bytes = bytes
        let length = max(1, bytes)
        guard let mapped = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            mapped != MAP_FAILED
        else { throw MemoryError(bytes: bytes) }
        madvise(mapped, length, MADV_HUGEPAGE)
        address = mapped
        if let pool { Memory.touch(mapped, bytes: length, on: pool) }
    }

    /// Writes zeros into every page of cleared memory.
    package static func touch(_ memory: UnsafeMutableRawPointer, bytes: Int, on pool: ThreadPool) {
        pool.chunks(of: bytes, size: 1 << 24) { range in
            for offset in Swift.stride(from: range.lowerBound, to: range.upperBound, by: 4096) {
                memory.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self)
            }
        }
    }

    deinit { munmap(address, max(1, bytes)) }

    package func bind<Element>(to type: Element.Type) -> UnsafeMutableBufferPointer<Element> {
        let count = bytes / MemoryLayout<Element>.stride
        return UnsafeMutableBufferPointer(start: address.bindMemory(to: type, capacity: count), count: count)
    }
}

/// The operating system has no room for an array.
package struct MemoryError: Error, Sendable, CustomStringConvertible {
    package let bytes: Int
    package var description: String {
        "the operating system refused \(bytes >> 20) MiB of memory; use fewer ranks on this node, a smaller "
            + "micro_batch_tokens, or gradient_checkpointing: true"
    }
}

/// Cuts one array into named parts. The same cutting runs twice: first dry, to learn the size, then over real memory.
package struct Cutter {
    /// Floats cut off so far.
    package private(set) var count = 0
    private let base: UnsafeMutablePointer<Float>?

    /// Measures only; the pointers that it hands out must not be used.
    package init() { base = nil }

    package init(_ memory: Memory) { base = memory.bind(to: Float.self).baseAddress }

    /// Cuts an array that is itself a part of one.
    init(_ base: UnsafeMutablePointer<Float>) { self.base = base }

    /// The next `floats` floats, at a multiple of 64 bytes.
    package mutating func take(_ floats: Int) -> UnsafeMutablePointer<Float> {
        defer { count += (floats + 15) / 16 * 16 }
        return base.map { $0 + count } ?? Cutter.nowhere
    }

    private static var nowhere: UnsafeMutablePointer<Float> { UnsafeMutablePointer(bitPattern: 64)! }
}
