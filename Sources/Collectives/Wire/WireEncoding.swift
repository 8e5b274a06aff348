/// An encoding of numbers on the network.
package protocol WireEncoding {
    associatedtype Element: Summand
    associatedtype Encoded: BitwiseCopyable
    /// The bytes of `Encoded` are those of `Element`: nothing needs encoding.
    static var isVerbatim: Bool { get }
    static func encode(_ x: UnsafePointer<Element>, into encoded: UnsafeMutablePointer<Encoded>, count: Int)
    static func decode(_ encoded: UnsafePointer<Encoded>, into x: UnsafeMutablePointer<Element>, count: Int)
    /// x += the decoded numbers.
    static func add(_ encoded: UnsafePointer<Encoded>, to x: UnsafeMutablePointer<Element>, count: Int)
    /// x = what others see of it.
    static func round(_ x: UnsafeMutablePointer<Element>, count: Int)
}

/// Numbers as they are.
package enum Verbatim<Element: Summand>: WireEncoding {
    package static var isVerbatim: Bool { true }
    package static func encode(
        _ x: UnsafePointer<Element>, into encoded: UnsafeMutablePointer<Element>, count: Int
    ) {
        encoded.update(from: x, count: count)
    }
    package static func decode(
        _ encoded: UnsafePointer<Element>, into x: UnsafeMutablePointer<Element>, count: Int
    ) {
        x.update(from: encoded, count: count)
    }
    package static func add(_ encoded: UnsafePointer<Element>, to x: UnsafeMutablePointer<Element>, count: Int) {
        Element.add(encoded, to: x, count: count)
    }
    package static func round(_ x: UnsafeMutablePointer<Element>, count: Int) {}
}
