import Foundation
import Glibc
import Scratch
import Storage
import Testing

extension EndToEnd {
    /// A job that can't get on, or must not begin, says so and ends.
    @Suite struct HangTests {
        /// Endless for a test's purposes.
        static let settings: JSONObject = ["max_steps": 20_000, "save_steps": 20_000, "hang_timeout": 3]

        @Test("a rank that is stopped is noticed and named by the others", arguments: [0, 1, 2])
        func stopped(rank: Int) throws {
            let toy = try Toy()
            let job = try Job(["train", try toy.runFile(HangTests.settings)], ranks: 3)
            let log = toy.output("metrics.jsonl")
            _ = job.wait { FileSystem.exists(log) }
            let victim = try #require(job.ranks.sorted().dropFirst(rank).first)
            kill(victim, SIGSTOP)
            let ending = try job.wait(limit: 30)
            #expect(job.leftovers().isEmpty)
            #expect(ending.status == 4, "\(ending.errors)")
            #expect(ending.messages.count == 1, "\(ending.errors)")
            #expect(ending.says("has not been heard of for "))
        }

        @Test(
            "a signal like a fault's ends the whole job, with a line that names it",
            arguments: [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGQUIT], [0, 2])
        func sentFault(number: Int32, rank: Int) throws {
            let toy = try Toy()
            let job = try Job(["train", try toy.runFile(HangTests.settings)], ranks: 3)
            _ = job.wait { FileSystem.exists(toy.output("metrics.jsonl")) }
            kill(try #require(job.ranks.sorted().dropFirst(rank).first), number)
            let ending = try job.wait(limit: 30)
            #expect(job.leftovers().isEmpty)
            #expect(ending.status == 4, "\(ending.errors)")
            let says = "ended by the signal \(HangTests.names[number] ?? ""), sent by process \(getpid()); run the same "
            #expect(ending.messages.count == 1 && ending.messages[0].contains(says), "\(ending.errors)")
            #expect(ending.says("swift-prefopt: rank \(rank) on "), "\(ending.errors)")
        }

        private static let names = [
            SIGSEGV: "SIGSEGV", SIGBUS: "SIGBUS", SIGILL: "SIGILL", SIGFPE: "SIGFPE", SIGABRT: "SIGABRT",
            SIGTRAP: "SIGTRAP", SIGQUIT: "SIGQUIT",
        ]

        @Test("a read that never returns is noticed, with its file")
        func endlessRead() throws {
            let toy = try Toy()
            let pipe = toy.folder.file("pipe.jsonl")
            mkfifo(pipe, 0o600)
            // Somebody has it open and writes nothing: the read itself waits.
            let writer = open(pipe, O_RDWR)
            defer { close(writer) }
            // A pipe by its own name would be refused.
            let run = try toy.runFile(["train_file": "/dev/stdin", "hang_timeout": 3])
            let job = try Job(["train", run], ranks: 2, input: pipe)
            let ending = try job.wait(limit: 30)
            #expect(job.leftovers().isEmpty)
            #expect(ending.status == 4, "\(ending.errors)")
            #expect(ending.messages.count == 1 && ending.says("stood still for"), "\(ending.errors)")
            #expect(ending.says("in phase data, in read of pipe:"), "\(ending.errors)")
        }

        @Test("ranks that are given different runs don't begin")
        func differentRuns() throws {
            let toy = try Toy()
            let first = try toy.runFile()
            let second = try toy.runFile(["learning_rate": 1e-3], as: "other.yaml")
            let ending = try Program.run(
                ["train", first, ":", "-n", "1", Program.path, "train", second], ranks: 2)
            #expect(ending.status == 2, "\(ending.errors)")
            #expect(ending.messages.count == 1, "\(ending.errors)")
            #expect(ending.says("rank 2 on "))
            #expect(ending.says("the run is learning_rate: "), "\(ending.errors)")
            #expect(!FileSystem.exists(toy.output("final")))
        }

        @Test("ranks whose models or rows differ only in what they hold don't begin", arguments: ["model", "data"])
        func differentContent(what: String) throws {
            let toy = try Toy()
            let folders = ["one", "two"].map { toy.folder.file($0) }
            for folder in folders {
                try FileSystem.makeDirectories(folder)
                _ = try toy.copyOfModel(as: FileSystem.name(of: folder) + "/model")
                _ = try toy.pairs(40, as: FileSystem.name(of: folder) + "/rows.jsonl")
            }
            let odd = FileSystem.join(folders[1], what == "model" ? "model/model.safetensors" : "rows.jsonl")
            var bytes = try FileSystem.read(odd)
            if what == "model" {
                // As another training of the same shape: every sign.
                for place in stride(from: bytes.count / 2 | 3, to: bytes.count, by: 4) { bytes[place] ^= 0x80 }
            } else {
                bytes.replace(Array("0.5".utf8), with: Array("0.6".utf8))
            }
            try AtomicFile.write(bytes, to: odd)
            let run = try toy.runFile(["model_name_or_path": "model", "train_file": "rows.jsonl"])
            let ending = try Program.run(
                ["train", run, ":", "-n", "1", "-wdir", folders[1], Program.path, "train", run], ranks: 1,
                in: folders[0])
            #expect(ending.status == 2, "\(ending.errors)")
            #expect(ending.messages.count == 1 && ending.says("rank 1 on "), "\(ending.errors)")
            #expect(ending.says("copy it to all nodes"), "\(ending.errors)")
            #expect(!FileSystem.exists(toy.output))
        }

        @Test("a rank with another build doesn't begin")
        func differentPrograms() throws {
            let toy = try Toy()
            let other = toy.folder.file("swift-prefopt")
            var bytes = try FileSystem.read(Program.path)
            bytes.append(0)
            try AtomicFile.write(bytes, to: other)
            chmod(other, 0o700)
            let run = try toy.runFile()
            let ending = try Program.run(["train", run, ":", "-n", "1", other, "train", run], ranks: 2)
            #expect(ending.status == 4, "\(ending.errors)")
            #expect(ending.messages.count == 1 && ending.says("rank 2 on "), "\(ending.errors)")
            #expect(ending.says("the program's SHA-256 is "))
        }

        @Test("doctor tells what it found, in words and as JSON", arguments: [nil, 2])
        func doctor(ranks: Int?) throws {
            let toy = try Toy()
            let words = try Program.run(["doctor", "--output", toy.output], ranks: ranks)
            #expect(words.status == 0, "\(words.errors)")
            #expect(words.output.contains("GFLOP/s") && words.output.contains("Open MPI"))
            let ending = try Program.run(["doctor", "--json", try toy.runFile()], ranks: ranks)
            let json = try JSON.parse(Array(ending.output.utf8))
            #expect(json["ranks"]?.array?.count == ranks ?? 1)
            #expect(json["links"]?.array?.count == (ranks ?? 1) - 1)
            #expect((json["ranks"]?.array?.first?["roof_gflop_per_second"]?.double ?? 0) > 1)
            #expect(json["folder"]?["path"]?.string == toy.output)
            #expect(try FileSystem.list(toy.output).isEmpty, "nothing is left in the folder")
        }

        @Test("SIGINT saves and ends with 75; a second one stops at once")
        func interrupted() throws {
            let toy = try Toy()
            var settings = HangTests.settings
            settings["hang_timeout"] = nil
            let run = try toy.runFile(settings)
            let job = try Job(["train", run], ranks: nil)
            _ = job.wait { FileSystem.exists(toy.output("metrics.jsonl")) }
            job.signal(SIGINT)
            let ending = try job.wait(limit: 30)
            #expect(ending.status == 75, "\(ending.errors)")
            #expect(ending.says("once more to stop at once"))
        }
    }
}
