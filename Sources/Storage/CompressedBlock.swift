import CZlib

/// Compressed bytes inside a file of another format.
package enum CompressedBlock {
    /// The compression of a block.
    package enum Format: Sendable {
        case gzip, zstandard
    }

    /// Why the bytes are not of the format.
    package struct Fault: Error {
        package let reason: String
    }

    /// The content of a whole block. Memory grows with what is really there, never by what `count` claims.
    /// - Parameter count: bytes that the content must have.
    package static func expand(_ block: ArraySlice<UInt8>, as format: Format, count: Int) throws(Fault) -> [UInt8] {
        let decoder: StreamDecoder =
            switch format {
            case .gzip: .gzip(GzipDecoder())
            case .zstandard: .zstandard(ZstandardDecoder())
            }
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: min(max(count, 64), 1 << 18))
        var rest = block
        while true {
            let step: StreamDecoder.Step
            do throws(StreamDecoder.Fault) { step = try decoder.decode(rest, into: &buffer) } catch {
                throw Fault(reason: "corrupt \(decoder.format) data (\(error.reason))")
            }
            rest = rest.dropFirst(step.consumed)
            guard content.count + step.produced <= count else {
                throw Fault(reason: "\(decoder.format) data holds more than the \(count) bytes it should")
            }
            content.append(contentsOf: buffer[..<step.produced])
            if step.produced == 0, rest.isEmpty || step.consumed == 0 { break }
        }
        guard content.count == count, decoder.isBetweenFrames || block.isEmpty else {
            throw Fault(reason: "\(decoder.format) data holds \(content.count) bytes; expected \(count)")
        }
        return content
    }

    /// The checksum of zlib, gzip and Parquet's pages (CRC-32, ISO 3309).
    package static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.withUnsafeBufferPointer { UInt32(truncatingIfNeeded: crc32(0, $0.baseAddress, UInt32($0.count))) }
    }
}
