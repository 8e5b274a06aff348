/// A message of Protocol Buffers as it is written: fields in the order in which they are added.
package struct ProtobufMessage {
    private(set) var bytes: [UInt8] = []

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private mutating func key(_ field: Int, _ wireType: UInt64) { varint(UInt64(field) << 3 | wireType) }

    mutating func add(_ field: Int, _ value: Int) {
        key(field, 0)
        varint(UInt64(bitPattern: Int64(value)))
    }

    mutating func add(_ field: Int, _ value: Double) {
        key(field, 1)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
    }

    mutating func add(_ field: Int, _ value: Float) {
        key(field, 5)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
    }

    mutating func add(_ field: Int, _ content: [UInt8]) {
        key(field, 2)
        varint(UInt64(content.count))
        bytes += content
    }

    mutating func add(_ field: Int, _ text: String) { add(field, Array(text.utf8)) }

    mutating func add(_ field: Int, _ message: ProtobufMessage) { add(field, message.bytes) }

    /// Numbers one after the other under one key.
    mutating func add(_ field: Int, packed values: [Double]) {
        var content: [UInt8] = []
        content.reserveCapacity(8 * values.count)
        for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { content += $0 } }
        add(field, content)
    }

    /// The whole number of a field of a written message; nil if it isn't there or the bytes are no message.
    package static func integer(_ field: Int, of bytes: ArraySlice<UInt8>) -> Int? {
        var place = bytes.startIndex
        func varint() -> UInt64? {
            var (value, shift) = (UInt64(0), UInt64(0))
            while place < bytes.endIndex, shift < 64 {
                let byte = bytes[place]
                place += 1
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
            return nil
        }
        while place < bytes.endIndex {
            guard let key = varint() else { return nil }
            switch key & 7 {
            case 0:
                guard let value = varint() else { return nil }
                if key >> 3 == UInt64(field) { return Int(truncatingIfNeeded: Int64(bitPattern: value)) }
            case 1: place += 8
            case 2:
                guard let length = varint(), length <= UInt64(bytes.endIndex - place) else { return nil }
                place += Int(length)
            case 5: place += 4
            default: return nil
            }
        }
        return nil
    }
}
