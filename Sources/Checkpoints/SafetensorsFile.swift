import Storage

/// A safetensors file, mapped: 8 bytes with the size of the header, the header (a JSON object from tensor names to
/// type, shape and place), then the tensors without gaps.
///
/// The file may come from anywhere, so everything it claims is checked before a tensor is handed out: afterwards every
/// view lies inside the file, none overlaps another and no byte of the file is unaccounted for.
package final class SafetensorsFile: Sendable {
    /// The reference implementation's limit, in bytes.
    static let longestHeader = 100_000_000

    package let path: String
    /// The free texts of `__metadata__`.
    package let metadata: [String: String]
    /// All tensors in the order of their bytes.
    package let tensors: [TensorView]
    private let places: [String: Int]
    private let file: MappedFile

    package var names: [String] { tensors.map(\.name) }

    package subscript(name: String) -> TensorView? { places[name].map { tensors[$0] } }

    /// Lets go of the memory that reading the tensors took; they can be read again.
    func releasePages() { file.releasePages() }

    /// - Throws: `CheckpointError.safetensors` with the first thing wrong; `.storage` if the file can't be read.
    package init(path: String) throws(CheckpointError) {
        let file = try CheckpointError.storing { () throws(StorageError) in try MappedFile(path: path) }
        let header: Header
        do {
            header = try Header(of: file.bytes)
        } catch {
            throw .safetensors(path: path, reason: error.reason)
        }
        self.path = path
        self.file = file
        metadata = header.metadata
        tensors = header.tensors
        places = header.places
    }
}

/// The checked header. Its views point into the bytes it was read from.
private struct Header {
    struct Fault: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    var metadata: [String: String] = [:]
    var tensors: [TensorView] = []
    var places: [String: Int] = [:]

    init(of file: UnsafeRawBufferPointer) throws(Fault) {
        let data: UnsafeRawBufferPointer
        let header: JSON
        (header, data) = try Header.split(file)
        var claims: [Claim] = []
        for (name, value) in header.object?.members ?? [] {
            if name == "__metadata__" {
                metadata = try Header.texts(value)
            } else {
                claims.append(try Claim(name, value))
            }
        }
        claims.sort { ($0.start, $0.end) < ($1.start, $1.end) }
        var end = 0
        for claim in claims {
            guard claim.start == end else {
                let what = claim.start < end ? "overlaps another tensor" : "leaves a gap before it"
                throw Fault("tensor \"\(claim.name)\" \(what): it starts at data byte \(claim.start), expected \(end)")
            }
            guard claim.end <= data.count else {
                throw Fault(
                    "tensor \"\(claim.name)\" ends at data byte \(claim.end), but the file has \(data.count); "
                        + "it was cut short, fetch it again")
            }
            end = claim.end
            guard places.updateValue(tensors.count, forKey: claim.name) == nil else {
                throw Fault("two tensors are named \"\(claim.name)\"")
            }
            let bytes = UnsafeRawBufferPointer(rebasing: data[claim.start..<claim.end])
            tensors.append(
                TensorView(name: claim.name, elementType: claim.elementType, shape: claim.shape, bytes: bytes))
        }
        guard end == data.count else {
            throw Fault("\(data.count - end) bytes after data byte \(end) belong to no tensor")
        }
    }

    private static func split(_ file: UnsafeRawBufferPointer) throws(Fault) -> (JSON, UnsafeRawBufferPointer) {
        if file.starts(with: "version https://git-lfs".utf8) {
            throw Fault("it is a Git LFS pointer, not the weights; run `git lfs pull` in its folder")
        }
        guard file.count >= 8 else { throw Fault("it has \(file.count) bytes, a header needs at least 8") }
        let claimed = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
        guard claimed <= UInt64(SafetensorsFile.longestHeader) else {
            throw Fault("it claims a header of \(claimed) bytes, the limit is \(SafetensorsFile.longestHeader)")
        }
        guard Int(claimed) <= file.count - 8 else {
            throw Fault(
                "it claims a header of \(claimed) bytes, but only \(file.count - 8) follow; it was cut short, "
                    + "fetch it again")
        }
        let text = UnsafeRawBufferPointer(rebasing: file[8..<8 + Int(claimed)])
        guard text.first == UInt8(ascii: "{") else { throw Fault("its header doesn't begin with '{'") }
        do {
            // Three levels are all a header has: the tensors, one tensor, its shape.
            let header = try JSON.parse(text, depth: 3)
            return (header, UnsafeRawBufferPointer(rebasing: file[(8 + Int(claimed))...]))
        } catch {
            throw Fault("its header is \(error)")
        }
    }

    private static func texts(_ value: JSON) throws(Fault) -> [String: String] {
        guard let object = value.object else { throw Fault("__metadata__ is \(value.kind), expected an object") }
        var texts: [String: String] = [:]
        for (name, value) in object.members {
            guard let text = value.string else {
                throw Fault("__metadata__ has \(value.kind) as \"\(name)\", expected a string")
            }
            texts[name] = text
        }
        return texts
    }

    /// The header's entry of one tensor.
    private struct Claim {
        let name: String
        let elementType: ElementType
        let shape: [Int]
        /// Data bytes, counted from the end of the header.
        let start: Int
        let end: Int

        init(_ name: String, _ value: JSON) throws(Fault) {
            guard let object = value.object, Set(object.names) == ["dtype", "shape", "data_offsets"] else {
                throw Fault("tensor \"\(name)\" isn't described by dtype, shape and data_offsets alone")
            }
            guard let dtype = object["dtype"]?.string else { throw Fault("tensor \"\(name)\" has no dtype") }
            guard let elementType = ElementType(rawValue: dtype) else {
                let known = ElementType.allCases.map(\.rawValue).joined(separator: ", ")
                throw Fault("tensor \"\(name)\" has the unknown dtype \"\(dtype)\", expected one of \(known)")
            }
            guard let shape = Claim.sizes(object["shape"]) else {
                throw Fault("tensor \"\(name)\" has a shape that isn't a list of whole numbers from 0")
            }
            guard let offsets = Claim.sizes(object["data_offsets"]), offsets.count == 2, offsets[0] <= offsets[1] else {
                throw Fault("tensor \"\(name)\" has data_offsets that aren't two rising whole numbers")
            }
            guard let byteCount = elementType.byteCount(of: shape) else {
                throw Fault("tensor \"\(name)\" has the impossible shape \(shape)")
            }
            guard offsets[1] - offsets[0] == byteCount else {
                throw Fault(
                    "tensor \"\(name)\" takes \(offsets[1] - offsets[0]) bytes, but \(shape) of \(dtype) "
                        + "needs \(byteCount)")
            }
            (self.name, self.elementType, self.shape) = (name, elementType, shape)
            (start, end) = (offsets[0], offsets[1])
        }

        private static func sizes(_ value: JSON?) -> [Int]? {
            guard let elements = value?.array else { return nil }
            var sizes: [Int] = []
            for element in elements {
                guard case .integer(let size) = element, size >= 0 else { return nil }
                sizes.append(size)
            }
            return sizes
        }
    }
}
