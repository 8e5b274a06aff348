import Checkpoints
import Scratch
import Storage
import Testing

@Suite("Safetensors files")
struct SafetensorsTests {
    /// A file of a header and so many data bytes, whatever they claim.
    private func file(_ header: String, dataBytes: Int = 0, claiming size: UInt64? = nil) -> [UInt8] {
        let prefix = withUnsafeBytes(of: (size ?? UInt64(header.utf8.count)).littleEndian) { Array($0) }
        return prefix + Array(header.utf8) + [UInt8](repeating: 0, count: dataBytes)
    }

    private func refusal(of bytes: [UInt8]) throws -> String? {
        let directory = try TemporaryDirectory()
        let path = try directory.write(bytes, as: "hostile.safetensors")
        do throws(CheckpointError) {
            _ = try SafetensorsFile(path: path)
            return nil
        } catch {
            let text = error.description
            #expect(text.hasPrefix("\(path): not a valid safetensors file: "))
            return text
        }
    }

    /// A header with one float32 tensor of so many elements at these bytes.
    private func tensor(_ name: String, _ start: Int, _ end: Int, shape: String, dtype: String = "F32") -> String {
        "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":[\(start),\(end)]}"
    }

    @Test("tensors of every type are found as the reference implementation wrote them")
    func reference() throws {
        let file = try SafetensorsFile(path: fixture("single/model.safetensors"))
        let values = try JSON.parse(FileSystem.read(fixture("values.json")))
        #expect(Set(file.names) == Set(values.object?.names ?? []))
        #expect(file.metadata == ["format": "pt"])
        for (name, expected) in values.object?.members ?? [] {
            let view = try #require(file[name])
            #expect(view.name == name)
            #expect(view.shape == expected["shape"]?.array?.compactMap(\.integer))
            #expect(view.hex == expected["hex"]?.string)
            #expect(view.count == view.shape.reduce(1, *))
            #expect(view.isAligned)
        }
        let types = ["model.embed_tokens.weight", "model.layers.0.mlp.weight", "model.layers.1.mlp.weight", "scalar"]
        #expect(types.map { file[$0]?.elementType } == [.float32, .float16, .bfloat16, .int32])
        #expect(file["model"] == nil)
    }

    @Test("a header that isn't padded is read, and its tensors are known to be misaligned")
    func oddPadding() throws {
        let file = try SafetensorsFile(path: fixture("odd.safetensors"))
        let view = try #require(file["weight"])
        #expect(!view.isAligned)
        #expect(
            (0..<view.count).map { view.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
                == (0..<12).map { Float($0) / 8 - 0.5 })
    }

    @Test("a file without tensors is a file")
    func empty() throws {
        #expect(try refusal(of: file("{}")) == nil)
        #expect(try refusal(of: file("{}      ")) == nil)
    }

    @Test("a header that lies about its own size is refused")
    func headerSize() throws {
        #expect(try refusal(of: [])?.contains("it has 0 bytes") == true)
        #expect(try refusal(of: [1, 2, 3])?.contains("it has 3 bytes") == true)
        #expect(try refusal(of: file("{}", claiming: 3))?.contains("cut short") == true)
        #expect(try refusal(of: file("{}", claiming: .max))?.contains("the limit is") == true)
        #expect(try refusal(of: file("{}", claiming: 1 << 63))?.contains("the limit is") == true)
        #expect(try refusal(of: file("{}", claiming: 0))?.contains("begin with '{'") == true)
    }

    @Test("a header that isn't a JSON object of the format is refused")
    func headerText() throws {
        #expect(try refusal(of: file(" {}"))?.contains("begin with '{'") == true)
        #expect(try refusal(of: file("[]"))?.contains("begin with '{'") == true)
        #expect(try refusal(of: file("{} x"))?.contains("more text follows") == true)
        #expect(try refusal(of: file("{\"a\": \"\u{1}\"}"))?.contains("control character") == true)
        #expect(try refusal(of: file("{\"a\":[[[1]]]}"))?.contains("nested too deeply") == true)
        #expect(try refusal(of: file("{\"__metadata__\":{\"a\":1}}"))?.contains("a number as \"a\"") == true)
        #expect(try refusal(of: file("{\"__metadata__\":[]}"))?.contains("__metadata__ is a list") == true)
        var invalid = file("{\"abc\":{}}")
        invalid[10] = 0xFF
        #expect(try refusal(of: invalid)?.contains("not UTF-8") == true)
        let twice = "{\(tensor("a", 0, 4, shape: "[1]")),\(tensor("a", 4, 8, shape: "[1]"))}"
        #expect(try refusal(of: file(twice, dataBytes: 8))?.contains("appears twice") == true)
        let alike = "{\(tensor("\u{E9}", 0, 4, shape: "[1]")),\(tensor("e\u{301}", 4, 8, shape: "[1]"))}"
        #expect(try refusal(of: file(alike, dataBytes: 8))?.contains("two tensors are named") == true)
    }

    @Test("a Git LFS pointer is recognised")
    func lfsPointer() throws {
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 276\n"
        #expect(try refusal(of: Array(pointer.utf8))?.contains("git lfs pull") == true)
    }

    @Test(
        "tensors that don't fit their bytes are refused",
        arguments: [
            ("[1]", "F33", "[0,4]", "unknown dtype \"F33\""),
            ("[2]", "F32", "[0,4]", "takes 4 bytes, but [2] of F32 needs 8"),
            ("[-1]", "F32", "[0,4]", "a shape that isn't"),
            ("[1.0]", "F32", "[0,4]", "a shape that isn't"),
            ("4", "F32", "[0,4]", "a shape that isn't"),
            ("[\"1\"]", "F32", "[0,4]", "a shape that isn't"),
            ("[9223372036854775807,2]", "F32", "[0,4]", "the impossible shape"),
            ("[4611686018427387904,4]", "U8", "[0,0]", "the impossible shape"),
            ("[9223372036854775808]", "U8", "[0,0]", "a shape that isn't"),
            ("[1]", "F32", "[4,0]", "data_offsets that aren't"),
            ("[1]", "F32", "[-4,0]", "data_offsets that aren't"),
            ("[1]", "F32", "[0,4,8]", "data_offsets that aren't"),
            ("[1]", "F32", "[0]", "data_offsets that aren't"),
            ("[1]", "F32", "[0,9223372036854775808]", "data_offsets that aren't"),
            ("[9223372036854775807]", "U8", "[0,9223372036854775807]", "ends at data byte 9223372036854775807"),
            ("[1]", "F32", "[4,8]", "leaves a gap"),
            ("[3]", "F32", "[0,12]", "cut short"),
            ("[0]", "F32", "[0,0]", "8 bytes after data byte 0 belong to no tensor"),
            ("[1]", "F32", "[0,4],\"more\":1", "isn't described by"),
        ])
    func claims(shape: String, dtype: String, offsets: String, reason: String) throws {
        let header = "{\"a\":{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}}"
        let refusal = try refusal(of: file(header, dataBytes: 8))
        #expect(refusal?.contains(reason) == true, "\(refusal ?? "accepted")")
    }

    @Test("overlaps, gaps and loose ends between tensors are refused")
    func places() throws {
        let first = tensor("a", 0, 8, shape: "[2]")
        let overlap = try refusal(of: file("{\(first),\(tensor("b", 4, 12, shape: "[2]"))}", dataBytes: 12))
        #expect(overlap?.contains("\"b\" overlaps another tensor: it starts at data byte 4, expected 8") == true)
        let same = try refusal(of: file("{\(first),\(tensor("b", 0, 8, shape: "[2]"))}", dataBytes: 8))
        #expect(same?.contains("overlaps") == true)
        let gap = try refusal(of: file("{\(first),\(tensor("b", 12, 16, shape: "[1]"))}", dataBytes: 16))
        #expect(gap?.contains("\"b\" leaves a gap before it") == true)
        let inside = try refusal(of: file("{\(first),\(tensor("b", 4, 4, shape: "[0]"))}", dataBytes: 8))
        #expect(inside?.contains("overlaps") == true)
        let empties = "{\(tensor("c", 8, 8, shape: "[0,9]")),\(first),\(tensor("b", 0, 0, shape: "[0]"))}"
        #expect(try refusal(of: file(empties, dataBytes: 8)) == nil)
    }

    @Test("2,000 damaged files are refused or read within their bounds, never fatal")
    func fuzz() throws {
        let directory = try TemporaryDirectory()
        let whole = try FileSystem.read(fixture("single/model.safetensors"))
        var generator = SeededGenerator(state: 3)
        var sum = 0
        var refused = 0
        for _ in 0..<2000 {
            let path = try directory.write(mutated(whole, with: &generator), as: "damaged")
            do {
                let file = try SafetensorsFile(path: path)
                for view in file.tensors { for byte in view.bytes { sum &+= Int(byte) } }
            } catch {
                refused += 1
            }
        }
        #expect(refused > 1000)
        #expect(refused < 2000)
        #expect(sum > 0)
    }
}

@Suite("SafetensorsWriter")
struct SafetensorsWriterTests {
    /// Writes the tensors of a file anew, in pieces of at most so many bytes.
    private func copy(_ source: SafetensorsFile, to path: String, pieces: Int) throws {
        let tensors = source.tensors
        var writer = try SafetensorsWriter(path: path, layout: tensors.map { ($0.name, $0.elementType, $0.shape) })
        for view in tensors {
            for start in stride(from: 0, to: view.bytes.count, by: pieces) {
                let end = min(start + pieces, view.bytes.count)
                try writer.write(UnsafeRawBufferPointer(rebasing: view.bytes[start..<end]))
            }
        }
        try writer.finish()
    }

    @Test("what is written, in pieces of any size, is a file that the reference implementation reads")
    func golden() throws {
        let directory = try TemporaryDirectory()
        let source = try SafetensorsFile(path: fixture("single/model.safetensors"))
        for pieces in [1, 5, 1000] {
            let path = directory.file("written.safetensors")
            try copy(source, to: path, pieces: pieces)
            let written = try SafetensorsFile(path: path)
            #expect(written.names == source.names)
            #expect(written.metadata == source.metadata)
            #expect(written.tensors.map(\.hex) == source.tensors.map(\.hex))
            #expect(!written.tensors.contains { !$0.isAligned })
            #expect(try FileSystem.read(path) == FileSystem.read(fixture("written.safetensors")))
        }
    }

    @Test("a file that isn't what its layout says can't be finished")
    func layout() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("a.safetensors")
        let layout: [SafetensorsWriter.Entry] = [("a", .float32, [2]), ("none", .float32, [0]), ("b", .uint8, [3])]
        let bytes = [UInt8](repeating: 1, count: 12)
        func write(_ sizes: [Int]) throws {
            var writer = try SafetensorsWriter(path: path, layout: layout)
            for size in sizes {
                try bytes.withUnsafeBytes { try writer.write(UnsafeRawBufferPointer(rebasing: $0[..<size])) }
            }
            try writer.finish()
        }
        try write([8, 3])
        try write([4, 0, 4, 1, 2])
        let wrong: [([Int], String)] = [
            ([], "tensor \"a\" has 0 of its 8 bytes, and 2 more tensors are missing"),
            ([8], "tensor \"b\" has 0 of its 3 bytes, and 0 more"), ([8, 2], "tensor \"b\" has 2 of its 3 bytes"),
            ([11], "tensor \"a\" was given 11 bytes, expected 8"), ([8, 3, 1], "1 bytes too many"),
        ]
        for (sizes, reason) in wrong {
            let error = #expect(throws: CheckpointError.self) { try write(sizes) }
            #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
        }
    }

    @Test(
        "a layout that no file can have is refused",
        arguments: [
            ([("a", .float32, [1]), ("a", .float32, [1])], "two tensors"),
            ([("__metadata__", .float32, [1])], "two tensors"),
            ([("a", .float32, [-1])], "impossible shape"),
            ([("a", .float32, [.max, 2])], "impossible shape"),
            ([("a", .uint8, [.max]), ("b", .uint8, [1])], "impossible shape"),
            ([("a", .uint8, [3]), ("b", .float32, [1])], "put wider elements first"),
        ] as [([SafetensorsWriter.Entry], String)])
    func impossible(layout: [SafetensorsWriter.Entry], reason: String) throws {
        let directory = try TemporaryDirectory()
        let error = #expect(throws: CheckpointError.self) {
            try SafetensorsWriter(path: directory.file("a"), layout: layout).finish()
        }
        #expect(error?.description.contains(reason) == true)
        #expect(!FileSystem.exists(directory.file("a")))
    }
}
