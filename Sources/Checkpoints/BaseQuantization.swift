/// Says what becomes of a frozen base's float matrices when they are read.
package enum BaseQuantization: String, Sendable, CaseIterable {
    /// They stay as they are.
    case none
    /// Rows of eight-bit integers: `load_in_8bit`.
    case int8
    /// Blocks of four-bit normal floats, arXiv 2305.14314: `load_in_4bit`.
    case nf4

    /// The run file's key.
    package var key: String { self == .int8 ? "load_in_8bit" : "load_in_4bit" }
}
