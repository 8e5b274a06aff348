import Kernels

/// Memory for the keys and values of texts in the making: pages of `KeyValuePages.rows` rows in every layer.
final class KeyValueCache {
    /// Pages of a layer.
    let count: Int
    private let layers: [KeyValuePages]
    private let memory: Memory

    /// - Throws: `MemoryError`. Pages take memory of the machine when they are first used.
    init(_ a: Architecture, pages count: Int) throws(MemoryError) {
        self.count = count
        let floats = KeyValuePages.floats(keyHeads: a.keyHeads, width: a.headWidth)
        let memory = try Memory(bytes: 4 * floats * count * a.layers)
        let base = memory.bind(to: Float.self).baseAddress
        layers = (0..<a.layers).compactMap { layer in
            base.map { KeyValuePages($0 + layer * count * floats, keyHeads: a.keyHeads, width: a.headWidth) }
        }
        self.memory = memory
    }

    /// A layer's pages.
    subscript(layer: Int) -> KeyValuePages { layers[layer] }
}

/// The rows that a pass keeps in a `KeyValueCache`, and those that read from there.
struct CachedRows {
    let cache: KeyValueCache
    /// Where the batch's keys and values are kept.
    let places: [KeyValuePages.Place]
    /// Output rows that see cached keys, and nothing of the batch but what `places` keeps.
    let readers: [PagedAttention.Reader]
}
