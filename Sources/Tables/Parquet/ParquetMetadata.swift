/// The footer of a Parquet file, as written: only the fields that reading rows needs.
struct ParquetMetadata {
    /// A node of the schema in depth-first order.
    struct SchemaElement {
        var name = ""
        var physical: Int?
        var length = 0
        var repetition = 0
        var children = 0
        var converted: Int?
        var logical: Logical?
    }

    /// The logical types that say how a value is to be read.
    enum Logical: Equatable {
        case string, map, list
        case integer(bits: Int, isSigned: Bool)
        case float16, decimal, json, uuid, unknown
        /// Values that are read as what they are stored as: dates, times.
        case asStored
        /// A type of a later format version, by its number.
        case other(Int)
    }

    struct ColumnChunk {
        var file: String?
        var isEncrypted = false
        var physical = -1
        var path: [String] = []
        var codec = 0
        var values = 0
        var compressedSize = 0
        var dataOffset = 0
        var dictionaryOffset: Int?
    }

    struct RowGroup {
        var columns: [ColumnChunk] = []
        var rows = 0
    }

    var schema: [SchemaElement] = []
    var rows = 0
    var rowGroups: [RowGroup] = []
    var isEncrypted = false

    init(_ bytes: ArraySlice<UInt8>) throws(ParquetFault) {
        var reader = ThriftReader(bytes)
        var metadata = (schema: [SchemaElement](), rows: 0, groups: [RowGroup](), isEncrypted: false)
        try reader.structure { (reader, field) throws(ParquetFault) in
            switch (field.number, field.kind) {
            case (2, .list):
                try reader.list { (reader) throws(ParquetFault) in metadata.schema.append(try SchemaElement(&reader)) }
            case (3, .int64): metadata.rows = try reader.integer()
            case (4, .list):
                try reader.list { (reader) throws(ParquetFault) in metadata.groups.append(try RowGroup(&reader)) }
            case (8, .structure):
                metadata.isEncrypted = true
                return false
            default: return false
            }
            return true
        }
        (schema, rows, rowGroups, isEncrypted) = metadata
    }
}

extension ParquetMetadata.SchemaElement {
    init(_ reader: inout ThriftReader) throws(ParquetFault) {
        var element = Self()
        try reader.structure { (reader, field) throws(ParquetFault) in
            switch (field.number, field.kind) {
            case (1, .int32): element.physical = try reader.integer()
            case (2, .int32): element.length = try reader.integer()
            case (3, .int32): element.repetition = try reader.integer()
            case (4, .binary): element.name = try reader.text()
            case (5, .int32): element.children = try reader.integer()
            case (6, .int32): element.converted = try reader.integer()
            case (10, .structure): element.logical = try ParquetMetadata.Logical(&reader)
            default: return false
            }
            return true
        }
        self = element
    }
}

extension ParquetMetadata.Logical {
    /// A union: a structure of which one field is set, its number being the type.
    init?(_ reader: inout ThriftReader) throws(ParquetFault) {
        var logical: Self?
        try reader.structure { (reader, field) throws(ParquetFault) in
            switch field.number {
            // String, and enumerations, which are strings.
            case 1, 4: logical = .string
            case 2: logical = .map
            case 3: logical = .list
            case 5: logical = .decimal
            case 6, 7, 8: logical = .asStored
            case 10:
                logical = try Self.integer(&reader)
                return true
            case 11: logical = .unknown
            case 12: logical = .json
            case 14: logical = .uuid
            case 15: logical = .float16
            default: logical = .other(field.number)
            }
            return false
        }
        guard let logical else { return nil }
        self = logical
    }

    private static func integer(_ reader: inout ThriftReader) throws(ParquetFault) -> Self {
        var (bits, isSigned) = (32, true)
        try reader.structure { (reader, field) throws(ParquetFault) in
            switch (field.number, field.kind) {
            case (1, .byte): bits = try reader.byte()
            case (2, .isFalse):
                isSigned = false
                return true
            default: return false
            }
            return true
        }
        return .integer(bits: bits, isSigned: isSigned)
    }
}

extension ParquetMetadata.RowGroup {
    init(_ reader: inout ThriftReader) throws(ParquetFault) {
        var group = Self()
        try reader.structure { (reader, field) throws(ParquetFault) in
            switch (field.number, field.kind) {
            case (1, .list):
                try reader.list { (reader) throws(ParquetFault) in
                    group.columns.append(try ParquetMetadata.ColumnChunk(&reader))
                }
            case (3, .int64): group.rows = try reader.integer()
            default: return false
            }
            return true
        }
        self = group
    }
}

extension ParquetMetadata.ColumnChunk {
    init(_ reader: inout ThriftReader) throws(ParquetFault) {
        var chunk = Self()
        try reader.structure { (reader, field) throws(ParquetFault) in
            switch (field.number, field.kind) {
            case (1, .binary): chunk.file = try reader.text()
            case (3, .structure): try chunk.readMetadata(&reader)
            case (8, _), (9, _):
                chunk.isEncrypted = true
                return false
            default: return false
            }
            return true
        }
        self = chunk
    }

    private mutating func readMetadata(_ reader: inout ThriftReader) throws(ParquetFault) {
        var chunk = self
        try reader.structure { (reader, field) throws(ParquetFault) in
            switch (field.number, field.kind) {
            case (1, .int32): chunk.physical = try reader.integer()
            case (3, .list):
                try reader.list { (reader) throws(ParquetFault) in chunk.path.append(try reader.text()) }
            case (4, .int32): chunk.codec = try reader.integer()
            case (5, .int64): chunk.values = try reader.integer()
            case (7, .int64): chunk.compressedSize = try reader.integer()
            case (9, .int64): chunk.dataOffset = try reader.integer()
            case (11, .int64): chunk.dictionaryOffset = try reader.integer()
            default: return false
            }
            return true
        }
        self = chunk
    }
}
