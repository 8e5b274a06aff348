/// A text on its way to the model, each byte of it knowing which scalars of the original text it stands for.
struct AlignedText {
    /// A range of bytes of the original text.
    struct Origin: Equatable {
        var start: Int32
        var end: Int32
    }

    /// UTF-8.
    private(set) var bytes: [UInt8]
    /// Where `bytes` starts in the original text, as long as nothing has been changed.
    private let base: Int
    /// One per byte, all bytes of a scalar alike; nil as long as nothing has been changed.
    private var origins: [Origin]?

    /// A part of the original text, unchanged.
    init(_ bytes: UnsafeBufferPointer<UInt8>, at base: Int) {
        self.bytes = Array(bytes)
        self.base = base
    }

    /// A part of another text.
    init(_ text: AlignedText, _ range: Range<Int>) {
        bytes = Array(text.bytes[range])
        base = text.base + range.lowerBound
        origins = text.origins.map { Array($0[range]) }
    }

    /// An empty text to be filled by `append`.
    init() {
        bytes = []
        base = 0
        origins = []
    }

    /// The range of the original text that a range of bytes came from, widened to whole scalars.
    @inline(__always)
    func origin(of range: Range<Int>) -> Range<Int> {
        if range.isEmpty {
            let place = range.lowerBound < bytes.count ? origin(at: range.lowerBound).start : end
            return Int(place)..<Int(place)
        }
        if let origins {
            let start = Int(origins[range.lowerBound].start)
            // A library that reorders marks never makes this run backwards; a crafted file might.
            return start..<max(start, Int(origins[range.upperBound - 1].end))
        }
        return bytes.withUnsafeBufferPointer {
            base + $0.scalarStart(at: range.lowerBound)..<base + $0.scalarEnd(at: range.upperBound)
        }
    }

    private var end: Int32 { origins.map { $0.last?.end ?? 0 } ?? Int32(base + bytes.count) }

    /// What the byte at a place stands for.
    func origin(at place: Int) -> Origin {
        if let origins { return origins[place] }
        let (start, width) = bytes.withUnsafeBufferPointer {
            let start = $0.scalarStart(at: place)
            return (start, $0.scalar(at: start).width)
        }
        return Origin(start: Int32(base + start), end: Int32(base + start + width))
    }

    // MARK: - Building

    mutating func append(_ scalar: Unicode.Scalar, standingFor origin: Origin) {
        let old = bytes.count
        bytes.append(contentsOf: UTF8.encode(scalar)!)
        origins?.append(contentsOf: repeatElement(origin, count: bytes.count - old))
    }

    mutating func append(_ text: some Collection<UInt8>, standingFor origin: Origin) {
        bytes.append(contentsOf: text)
        origins?.append(contentsOf: repeatElement(origin, count: text.count))
    }

    mutating func append(_ range: Range<Int>, of text: AlignedText) {
        bytes.append(contentsOf: text.bytes[range])
        if let theirs = text.origins {
            origins?.append(contentsOf: theirs[range])
        } else {
            var place = range.lowerBound
            while place < range.upperBound {
                let origin = text.origin(at: place)
                let end = min(range.upperBound, Int(origin.end) - text.base)
                origins?.append(contentsOf: repeatElement(origin, count: end - place))
                place = end
            }
        }
    }

    /// The same text with `prefix` in front, which stands for the first scalar; an empty text stays empty.
    func prepending(_ prefix: [UInt8], to range: Range<Int>) -> AlignedText {
        var result = AlignedText()
        guard !range.isEmpty else { return result }
        result.append(prefix, standingFor: origin(at: range.lowerBound))
        result.append(range, of: self)
        return result
    }
}
