import CZlib
import CZstd

/// One of the two compressed formats, decoded a buffer at a time.
enum StreamDecoder {
    case gzip(GzipDecoder)
    case zstandard(ZstandardDecoder)

    /// The bytes that one call moved.
    struct Step {
        var consumed: Int
        var produced: Int
    }

    /// Why the bytes are not of the format.
    struct Fault: Error {
        let reason: String
    }

    /// The decoder for content that starts with these (four or fewer) bytes; `nil` for plain text.
    init?(start: ArraySlice<UInt8>) {
        if start.starts(with: [0x1F, 0x8B]) {
            self = .gzip(GzipDecoder())
        } else if start.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) {
            self = .zstandard(ZstandardDecoder())
        } else if let first = start.first, first & 0xF0 == 0x50, start.dropFirst().elementsEqual([0x2A, 0x4D, 0x18]) {
            // A frame to be skipped, which parallel Zstandard compressors put first.
            self = .zstandard(ZstandardDecoder())
        } else {
            return nil
        }
    }

    var format: String {
        switch self {
        case .gzip: "gzip"
        case .zstandard: "Zstandard"
        }
    }

    /// Whether the input may end here. Both formats allow several frames (gzip: members) one after another.
    var isBetweenFrames: Bool {
        switch self {
        case .gzip(let decoder): decoder.isBetweenMembers
        case .zstandard(let decoder): decoder.isBetweenFrames
        }
    }

    /// Decodes what fits; with no input left, it gives what it still holds. Moving nothing means it needs input.
    func decode(_ input: ArraySlice<UInt8>, into output: inout [UInt8]) throws(Fault) -> Step {
        try input.withUnsafeBufferPointer { input throws(Fault) in
            try output.withUnsafeMutableBufferPointer { output throws(Fault) in
                switch self {
                case .gzip(let decoder): try decoder.decode(input, into: output)
                case .zstandard(let decoder): try decoder.decode(input, into: output)
                }
            }
        }
    }
}

/// zlib's state, which must not move: it holds a pointer to its owner.
final class GzipDecoder {
    private let stream: UnsafeMutablePointer<z_stream>
    private(set) var isBetweenMembers = false

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // Window of 32 KiB (15), gzip's header and checksum (+ 16). It fails only when there is no memory left.
        let started = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(started == Z_OK, "zlib can't start: \(started)")
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    func decode(
        _ input: UnsafeBufferPointer<UInt8>, into output: UnsafeMutableBufferPointer<UInt8>
    ) throws(StreamDecoder.Fault) -> StreamDecoder.Step {
        var skipped = 0
        if isBetweenMembers {
            // Zeros after a member are padding, as tapes and some archivers leave them.
            skipped = input.firstIndex { $0 != 0 } ?? input.count
            if skipped == input.count { return .init(consumed: skipped, produced: 0) }
            inflateReset(stream)
            isBetweenMembers = false
        }
        let rest = UnsafeBufferPointer(rebasing: input[skipped...])
        stream.pointee.next_in = UnsafeMutablePointer(mutating: rest.baseAddress)
        stream.pointee.avail_in = UInt32(rest.count)
        stream.pointee.next_out = output.baseAddress
        stream.pointee.avail_out = UInt32(output.count)
        switch inflate(stream, Z_NO_FLUSH) {
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END: isBetweenMembers = true
        case Z_NEED_DICT: throw .init(reason: "it needs a dictionary")
        case let code: throw .init(reason: stream.pointee.msg.map { String(cString: $0) } ?? "zlib's error \(code)")
        }
        return .init(
            consumed: input.count - Int(stream.pointee.avail_in),
            produced: output.count - Int(stream.pointee.avail_out))
    }
}

/// libzstd's state. Frames that want a window above 128 MiB are refused by the library, so memory stays bounded.
final class ZstandardDecoder {
    private let stream: OpaquePointer
    private(set) var isBetweenFrames = false

    init() {
        guard let stream = ZSTD_createDStream() else { preconditionFailure("libzstd can't start: no memory") }
        self.stream = stream
    }

    deinit { ZSTD_freeDStream(stream) }

    func decode(
        _ input: UnsafeBufferPointer<UInt8>, into output: UnsafeMutableBufferPointer<UInt8>
    ) throws(StreamDecoder.Fault) -> StreamDecoder.Step {
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let hint = ZSTD_decompressStream(stream, &target, &source)
        guard ZSTD_isError(hint) == 0 else { throw .init(reason: String(cString: ZSTD_getErrorName(hint))) }
        // A call that moves nothing hints at the frame to come, which says nothing about the one before.
        if source.pos > 0 || target.pos > 0 { isBetweenFrames = hint == 0 }
        return .init(consumed: source.pos, produced: target.pos)
    }
}
