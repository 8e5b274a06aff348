import Scratch
import Storage
import Testing

import Training

@Suite("TensorBoard's event files") struct EventLogTests {
    @Test("the checksum is Castagnoli's") func checksum() {
        // RFC 3720, B.4, and the check value of the CRC catalogue.
        #expect(RecordFrame.crc32c(Array("123456789".utf8)[...]) == 0xE306_9283)
        #expect(RecordFrame.crc32c([UInt8](repeating: 0, count: 32)[...]) == 0x8A91_36AA)
    }

    @Test("frames are read up to the first that isn't whole") func frames() {
        let records: [[UInt8]] = [[1, 2, 3], [], [9]]
        var file = records.flatMap(RecordFrame.framed)
        #expect(RecordFrame.records(of: file).map(Array.init) == records)
        #expect(RecordFrame.records(of: Array(file.dropLast())).count == 2)
        file[14] ^= 1
        #expect(RecordFrame.records(of: file).isEmpty)
    }

    @Test("a run that is gone on with has one file, and no step twice") func resumed() throws {
        let folder = try TemporaryDirectory()
        func row(_ step: Int) -> JSONObject { ["step": .integer(step), "loss": 0.5, "eval_loss": 0.25] }
        let first = try EventLog(directory: folder.path, resumingAfter: 0)
        for step in 1...5 { try first.append(row(step)) }
        try first.append([0.5, -1, 2, 2], named: "eval/margins", step: 5)
        let second = try EventLog(directory: folder.path, resumingAfter: 3)
        for step in 4...6 { try second.append(row(step)) }

        let files = try FileSystem.list(folder.file("tensorboard"))
        #expect(files.count == 1)
        let records = RecordFrame.records(of: try FileSystem.read(folder.file("tensorboard/\(files[0])")))
        #expect(records.map { ProtobufMessage.integer(2, of: $0) } == [nil, 1, 2, 3, 4, 5, 6])
        // Beginning anew leaves nothing of the old one.
        _ = try EventLog(directory: folder.path, resumingAfter: 0)
        let anew = try FileSystem.list(folder.file("tensorboard"))
        #expect(try RecordFrame.records(of: FileSystem.read(folder.file("tensorboard/\(anew[0])"))).count == 1)
    }

    @Test("an evaluation's samples are one text, at its step") func samples() throws {
        let folder = try TemporaryDirectory()
        let log = try EventLog(directory: folder.path, resumingAfter: 0)
        let samples: [JSONObject] = [
            ["step": 4, "prompt": "a question", "response": "an answer"],
            ["step": 4, "prompt": [["role": "user", "content": "another"]], "response": "a second"],
        ]
        try log.append(["step": 4, "eval_samples": 2], samples: samples)
        try log.append(["step": 5, "loss": 0.5])

        let name = try FileSystem.list(folder.file("tensorboard"))[0]
        let records = RecordFrame.records(of: try FileSystem.read(folder.file("tensorboard/\(name)")))
        #expect(records.map { ProtobufMessage.integer(2, of: $0) } == [nil, 4, 4, 5])
        let text = String(decoding: records[2], as: UTF8.self)
        #expect(text.contains("**a question**\n\nan answer\n"))
        #expect(text.contains("**[{\"role\": \"user\", \"content\": \"another\"}]**\n\na second\n"))
        #expect(!String(decoding: records[3], as: UTF8.self).contains("answer"))
    }
}
