import Foundation
import Glibc
import Storage
import Testing

extension EndToEnd {
    /// `PREFOPT_CPU_LEVEL` changes speed only.
    @Suite struct CPULevelTests {
        private func at<Value>(_ level: String, _ body: () throws -> Value) rethrows -> Value {
            setenv("PREFOPT_CPU_LEVEL", level, 1)
            defer { unsetenv("PREFOPT_CPU_LEVEL") }
            return try body()
        }

        /// Levels that this CPU has, by what the program itself takes.
        private func levels() throws -> [String] {
            try ["x86-64-v3", "x86-64-v4", "amx"].filter { level in
                try at(level) { try Program.run(["doctor", "--json"]) }.status == 0
            }
        }

        @Test("the same training at every level that this CPU has leaves the same bits, and says the level")
        func bits() throws {
            let levels = try levels()
            #expect(levels.contains("x86-64-v3"))
            let settings: JSONObject = ["max_steps": 5]
            let expected = try Toy.outcome(settings)
            for level in levels {
                let toy = try Toy()
                let ending = try at(level) { try toy.train(settings) }
                #expect(ending.says("kernels of \(level)"))
                let manifest = try JSON.parse(FileSystem.read(toy.output("manifest.json")))
                #expect(manifest["cpu_levels"] == .array([.string(level)]))
                #expect(try toy.outcome() == expected, "\(level)")
            }
        }

        @Test(
            "bf16: true has the same bits at every level and on any number of ranks, near float32's losses, in its own cache"
        )
        func bfloat16() throws {
            for adapter in [JSONObject(), ["use_peft": true, "lora_r": 4, "lora_dropout": 0]] {
                var settings: JSONObject = ["max_steps": 5, "learning_rate": 1e-3, "bf16": true]
                for (key, value) in adapter.members { settings[key] = value }
                let toy = try Toy()
                let ending = try toy.train(settings)
                #expect(ending.says("operands rounded to bfloat16"))
                let names = try FileSystem.list(toy.cache)
                #expect(names.count == 1 && names.allSatisfy { $0.hasSuffix("-bfloat16-1.logps") })
                let losses = try toy.losses()
                let rows = try toy.steps()
                for level in try levels() {
                    for ranks in [nil, 3] {
                        let again = try Toy()
                        _ = try at(level) { try again.train(settings, ranks: ranks) }
                        #expect(
                            try again.steps().map { $0["loss"] } == rows.map { $0["loss"] }, "\(level), \(ranks ?? 1)")
                    }
                }
                settings["bf16"] = false
                let plain = try Toy()
                try plain.train(settings)
                let exact = try plain.losses()
                #expect(exact != losses && exact.count == losses.count)
                for (a, b) in zip(exact, losses) { #expect(abs(a - b) < 0.02) }
            }
        }

        @Test("a level that isn't one is refused by name, with status 2, alone and on ranks")
        func unknown() throws {
            for ranks in [nil, 2] {
                let ending = try at("avx9") { try Program.run(["doctor"], ranks: ranks) }
                #expect(ending.status == 2)
                #expect(ending.messages.count == 1)
                #expect(
                    ending.says("PREFOPT_CPU_LEVEL is avx9; expected x86-64-v3, x86-64-v4, amx or auto"),
                    "\(ending.errors)")
            }
        }
    }
}
