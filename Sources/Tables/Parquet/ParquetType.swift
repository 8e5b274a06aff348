import Storage

/// A column's type: the storage of its values and their meaning.
struct ParquetType: Equatable {
    enum Physical: Int {
        case boolean, int32, int64, int96, float, double, bytes, fixedBytes
    }

    let physical: Physical
    /// Bytes of a value; 0 for booleans and texts.
    let width: Int
    private let meaning: Meaning

    private enum Meaning {
        case asStored, unsigned, text, float16
    }

    /// - Throws: `ParquetFault.unsupported` for a type that no row of ours can be made of.
    init(_ element: ParquetMetadata.SchemaElement, name: String) throws(ParquetFault) {
        guard let number = element.physical, let physical = Physical(rawValue: number) else {
            throw .damaged("the unknown physical type \(element.physical ?? -1) of \(name)")
        }
        func refused(_ what: String) -> ParquetFault {
            .unsupported("holds \"\(name)\" as \(what)", remedy: "write the file without the column, or cast it first")
        }
        // Numbers of the older `converted_type`: 5 decimal; 11 to 14 unsigned; 20 BSON; 21 interval.
        if element.logical == .decimal || element.converted == 5 { throw refused("DECIMAL") }
        if case .other(let number)? = element.logical { throw refused("the logical type \(number)") }
        self.physical = physical
        switch physical {
        case .int96: throw refused("INT96 (an old kind of timestamp)")
        case .boolean: (width, meaning) = (0, .asStored)
        case .float: (width, meaning) = (4, .asStored)
        case .double: (width, meaning) = (8, .asStored)
        case .int32, .int64:
            var isUnsigned = 11...14 ~= element.converted ?? 0
            if case .integer(_, let isSigned)? = element.logical { isUnsigned = !isSigned }
            (width, meaning) = (physical == .int32 ? 4 : 8, isUnsigned ? .unsigned : .asStored)
        case .bytes:
            if element.converted == 20 { throw refused("BSON") }
            (width, meaning) = (0, .text)
        case .fixedBytes:
            guard element.logical == .float16, element.length == 2 else {
                throw refused("FIXED_LEN_BYTE_ARRAY of \(element.length) bytes")
            }
            (width, meaning) = (2, .float16)
        }
    }

    /// A stored value as a row has it.
    func json(_ value: ParquetValue) throws(ParquetFault) -> JSON {
        switch value {
        case .decoded(let json): return json
        case .boolean(let value): return .bool(value)
        case .number(let value): return .number(value)
        case .integer(let value):
            // Differences of 32-bit numbers wrap around in 32 bits.
            guard meaning == .unsigned else {
                return .integer(physical == .int32 ? Int(Int32(truncatingIfNeeded: value)) : Int(value))
            }
            let bits = physical == .int32 ? UInt64(UInt32(truncatingIfNeeded: value)) : UInt64(bitPattern: value)
            return Int(exactly: bits).map { .integer($0) } ?? .number(Double(bits))
        case .bytes(let bytes):
            if meaning == .float16 {
                return .number(Self.float16(bytes.reversed().reduce(0) { $0 << 8 | UInt16($1) }))
            }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw .unsupported(
                    "holds bytes that are not UTF-8 text", remedy: "write the file without the column, or as text")
            }
            return .string(text)
        }
    }

    private static func float16(_ bits: UInt16) -> Double {
        let sign = bits >> 15 == 0 ? 1.0 : -1.0
        let fraction = Double(bits & 0x3FF)
        return switch bits >> 10 & 31 {
        case 0: sign * fraction * 0x1p-24
        case 31: fraction == 0 ? sign * .infinity : .nan
        case let exponent: sign * Double(sign: .plus, exponent: Int(exponent) - 15, significand: 1 + fraction / 1024)
        }
    }
}

/// A value of a page, not yet a part of a row.
enum ParquetValue {
    case boolean(Bool)
    case integer(Int64)
    case number(Double)
    case bytes(ArraySlice<UInt8>)
    /// Out of a dictionary, where it was made once for all its uses.
    case decoded(JSON)
}
