/// TensorFlow's frame around a record of an event file: its length (8 bytes), a checksum of the length, the record, a
/// checksum of the record. Checksums are CRC-32C, rotated and shifted by a constant.
package enum RecordFrame {
    package static func framed(_ record: [UInt8]) -> [UInt8] {
        let length = little(UInt64(record.count))
        return length + little(masked(length[...])) + record + little(masked(record[...]))
    }

    /// The records of a file, up to the first that isn't whole.
    package static func records(of file: [UInt8]) -> [ArraySlice<UInt8>] {
        var records: [ArraySlice<UInt8>] = []
        var place = 0
        while place + 12 <= file.count {
            let head = file[place..<place + 8]
            guard number(file[place + 8..<place + 12]) == UInt64(masked(head)) else { break }
            let (length, start) = (number(head), place + 12)
            guard length <= UInt64(file.count), start + Int(length) + 4 <= file.count else { break }
            let record = file[start..<start + Int(length)]
            guard number(file[record.endIndex..<record.endIndex + 4]) == UInt64(masked(record)) else { break }
            records.append(record)
            place = record.endIndex + 4
        }
        return records
    }

    private static func masked(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        let sum = crc32c(bytes)
        return (sum >> 15 | sum << 17) &+ 0xA282_EAD8
    }

    /// Castagnoli's CRC, polynomial 0x1EDC6F41, as RFC 3720 has it.
    package static func crc32c(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(~0 as UInt32) { sum, byte in table[Int((sum ^ UInt32(byte)) & 0xFF)] ^ sum >> 8 }
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { sum, _ in sum & 1 == 1 ? sum >> 1 ^ 0x82F6_3B78 : sum >> 1 }
    }

    private static func little(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
