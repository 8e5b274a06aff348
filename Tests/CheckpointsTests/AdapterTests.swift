import Checkpoints
import Scratch
import Storage
import Testing

@Suite("Adapters in PEFT's layout")
struct AdapterTests {
    private func refusal(of path: String) -> String? {
        do throws(CheckpointError) {
            _ = try AdapterDirectory(path: path)
            return nil
        } catch {
            return error.description
        }
    }

    @Test("a config of PEFT's is read with all its values")
    func config() throws {
        let plain = try AdapterConfig(directory: fixture("adapter-plain"))
        var expected = AdapterConfig(
            loraRank: 2, loraAlpha: 3, targets: AdapterTargets(.named(plain.targets.names.sorted())))
        expected.usesRSLoRA = true
        #expect(expected.targets.names == ["q_proj", "v_proj"])
        // PEFT writes sets in any order.
        #expect(plain.targets.names.sorted() == expected.targets.names)
        var sorted = plain
        sorted.targets = expected.targets
        #expect(sorted == expected)
        #expect(plain.scaling == 3 / 2.0.squareRoot())

        let dora = try AdapterConfig(directory: fixture("adapter-dora"))
        #expect(dora.usesDoRA && dora.loraDropout == 0.25 && dora.initialization == .random && dora.loraRank == 3)
        #expect(dora.savedModules == ["lm_head", "input_layernorm"])
        #expect(dora.scaling == 8.0 / 3)
        let layers = try AdapterConfig(directory: fixture("adapter-layers"))
        #expect(layers.targets.layers == [1] && layers.targets.layerLists == ["layers"])
        #expect(layers.initialization == .gaussian)
        #expect(
            try AdapterConfig(directory: fixture("adapter-pattern")).targets.modules == .pattern(".*\\.0\\..*_proj"))
        #expect(try AdapterConfig(directory: fixture("adapter-gpt2")).storesInputsFirst)
    }

    @Test(
        "a config that is written reads back the same",
        arguments: [
            "adapter-plain", "adapter-dora", "adapter-layers", "adapter-pattern", "adapter-gpt2", "adapter-head",
        ])
    func roundTrip(name: String) throws {
        let config = try AdapterConfig(directory: fixture(name))
        let directory = try TemporaryDirectory()
        try config.write(to: directory.path)
        #expect(try AdapterConfig(directory: directory.path) == config)
    }

    @Test(
        "tensors are found by PEFT's names, with the adapter's name within and without",
        arguments: [
            "adapter-dora", "adapter-named",
        ])
    func tensors(name: String) throws {
        let adapter = try AdapterDirectory(path: fixture(name))
        #expect(adapter.modules.count == 14)
        let module = try #require(adapter.modules.first { $0.name == "model.layers.1.mlp.down_proj" })
        #expect(module.a.shape == [3, 6] && module.b.shape == [4, 3] && module.magnitude?.shape == [4])
        #expect(module.frozen == nil)
        #expect(adapter.tensor(AdapterNames.a(module.name))?.hex == module.a.hex)
        #expect(adapter.tensor(AdapterNames.b(module.name))?.hex == module.b.hex)
        #expect(adapter.tensor(AdapterNames.magnitude(module.name))?.hex == module.magnitude?.hex)
        #expect(
            adapter.savedTensors.map(\.name) == [
                "lm_head.weight", "model.layers.0.input_layernorm.weight", "model.layers.1.input_layernorm.weight",
            ])
        #expect(adapter.tensor(AdapterNames.saved("lm_head.weight"))?.shape == [8, 4])
        #expect(try adapter.contentDigest() == AdapterDirectory(path: fixture("adapter-dora")).contentDigest())
    }

    @Test("the frozen head that PEFT saves along with its adapter is told apart")
    func frozenHead() throws {
        let adapter = try AdapterDirectory(path: fixture("adapter-head"))
        #expect(adapter.modules.first { $0.name == "lm_head" }?.frozen?.shape == [8, 4])
        #expect(adapter.savedTensors.isEmpty)
    }

    @Test("an adapter that is written reads back the same, bit for bit")
    func writing() throws {
        let adapter = try AdapterDirectory(path: fixture("adapter-dora"))
        var tensors: [(name: String, tensor: TensorView)] = []
        for module in adapter.modules {
            tensors.append((AdapterNames.a(module.name), module.a))
            tensors.append((AdapterNames.b(module.name), module.b))
            if let magnitude = module.magnitude { tensors.append((AdapterNames.magnitude(module.name), magnitude)) }
        }
        for (name, tensor) in adapter.savedTensors { tensors.append((AdapterNames.saved(name), tensor)) }
        let directory = try TemporaryDirectory()
        try AdapterDirectory.write(
            config: adapter.config, layout: tensors.map { ($0.name, $0.tensor.elementType, $0.tensor.shape) },
            to: directory.path
        ) { writer throws(CheckpointError) in
            for (_, tensor) in tensors { try writer.write(tensor.bytes) }
        }
        let again = try AdapterDirectory(path: directory.path)
        #expect(again.config == adapter.config)
        #expect(again.contentDigest() == adapter.contentDigest())
    }

    @Test("the modules of a list of names are those that PEFT chooses")
    func targets() throws {
        let file = try JSON.parse(FileSystem.read(fixture("adapter-targets.json")))
        let modules = (file["modules"]?.array ?? []).compactMap(\.string)
        let cases = try #require(file["cases"]?.array)
        #expect(cases.count == 13)
        for one in cases {
            var fields = try #require(one["config"]?.object)
            fields["peft_type"] = "LORA"
            let config = try AdapterConfig(json: .object(fields), file: "case")
            let expected = (one["chosen"]?.array ?? []).compactMap(\.string)
            let chosen = try? config.targets.choose(among: modules, saved: config.savedModules)
            #expect(chosen ?? [] == expected, "\(one["config"]!.text)")
        }
    }

    @Test("all linear modules are those but the head and what is saved whole")
    func allLinear() throws {
        let modules = ["model.layers.0.mlp.up_proj", "model.layers.0.self_attn.q_proj", "lm_head"]
        let all = AdapterTargets(.allLinear)
        #expect(try all.choose(among: modules, head: "lm_head") == Array(modules.prefix(2)))
        #expect(try all.choose(among: modules, head: "lm_head", saved: ["mlp"]) == [modules[1]])
        #expect(try AdapterTargets(.named(["lm_head"])).choose(among: modules, head: "lm_head") == ["lm_head"])
        #expect(try AdapterTargets.choose(saved: ["mlp", "lm_head"], among: modules) == [modules[0], modules[2]])
        // PEFT compares ends of names, not of their parts.
        #expect(try AdapterTargets.choose(saved: ["head", "attn"], among: modules) == Array(modules.dropFirst()))
    }

    @Test("names that choose nothing are refused with those there are")
    func noModule() {
        func refusal(_ modules: AdapterTargets.Modules) -> String? {
            do throws(AdapterTargets.Refusal) {
                _ = try AdapterTargets(modules).choose(among: ["h.0.attn.c_attn", "h.1.attn.c_attn", "h.1.mlp.c_fc"])
                return nil
            } catch {
                return error.description
            }
        }
        #expect(
            refusal(.named(["c_attn", "q_proj"]))
                == "\"q_proj\" names no linear module of this model; it has c_attn, c_fc")
        #expect(refusal(.named(["attn"]))?.hasPrefix("\"attn\" names no linear module") == true)
        #expect(refusal(.pattern(".*attn"))?.contains("regular expression \".*attn\" isn't evaluated") == true)
        #expect(throws: AdapterTargets.Refusal.self) {
            try AdapterTargets.choose(saved: ["heads"], among: ["lm_head", "model.embed_tokens"])
        }
    }

    @Test(
        "fields that change what the adapter computes are refused by name and place",
        arguments: [
            ("peft_type", "\"IA3\"", "expected \"LORA\""),
            ("peft_type", "null", "has no \"peft_type\""),
            (
                "task_type", "\"SEQ_2_SEQ_LM\"",
                "\"task_type\" is \"SEQ_2_SEQ_LM\"; expected \"CAUSAL_LM\" or \"SEQ_CLS\""
            ),
            ("bias", "\"all\"", "\"bias\" is \"all\"; expected \"none\""),
            ("r", "0", "expected a whole number above 0"),
            ("r", "2.5", "expected a whole number"),
            ("r", "true", "expected a whole number"),
            ("lora_alpha", "\"8\"", "\"lora_alpha\" is \"8\"; expected a number"),
            ("lora_dropout", "1.0", "from 0 to below 1"),
            ("lora_dropout", "-0.1", "from 0 to below 1"),
            ("target_modules", "null", "expected a list of module names, or \"all-linear\""),
            ("target_modules", "[]", "expected a list of module names, or \"all-linear\""),
            ("target_modules", "[\"q_proj\", 3]", "expected a list of module names"),
            ("target_modules", "[\".*proj\"]", "expected a list of module names"),
            ("exclude_modules", "\".*\"", "expected a list"),
            ("modules_to_save", "\"lm_head\"", "expected a list of module names"),
            ("init_lora_weights", "\"pissa\"", "expected true, false or \"gaussian\""),
            ("init_lora_weights", "\"loftq\"", "expected true, false or \"gaussian\""),
            ("rank_pattern", "{\"q_proj\": 4}", "\"rank_pattern\" is {\"q_proj\": 4}; that isn't available"),
            ("alpha_pattern", "{\"q_proj\": 4}", "\"alpha_pattern\" is {\"q_proj\": 4}; that isn't available"),
            ("layers_pattern", "\"layers\"", "needs target_modules as a list, and layers_to_transform"),
            ("layers_to_transform", "[-1]", "expected a layer's number"),
            ("use_qalora", "true", "\"use_qalora\" is true; that isn't available"),
            ("qalora_group_size", "32", "\"qalora_group_size\" is 32; that isn't available"),
            ("lora_bias", "true", "\"lora_bias\" is true; that isn't available"),
            ("layer_replication", "[[0, 1]]", "\"layer_replication\" is [[0, 1]]; that isn't available"),
            ("trainable_token_indices", "[1]", "\"trainable_token_indices\" is [1]; that isn't available"),
            ("ensure_weight_tying", "true", "\"ensure_weight_tying\" is true; that isn't available"),
            ("something_new", "0.5", "\"something_new\" is 0.5; that isn't available"),
            ("use_dora", "1", "\"use_dora\" is 1; expected true or false"),
        ])
    func refusedField(name: String, value: String, expected: String) throws {
        let directory = try TemporaryDirectory()
        var fields = try #require(JSON.parse(FileSystem.read(fixture("adapter-plain/adapter_config.json"))).object)
        fields[name] = try JSON.parse(Array(value.utf8))
        let path = try directory.write(JSON.object(fields).text, as: "adapter_config.json")
        do throws(CheckpointError) {
            _ = try AdapterConfig(directory: directory.path)
            Issue.record("\(name) = \(value) was accepted")
        } catch {
            #expect(error.description.hasPrefix("\(path): "))
            #expect(error.description.contains(expected), "\(error)")
        }
    }

    @Test(
        "fields newer than this version are accepted while they hold nothing", arguments: ["null", "false", "[]", "{}"])
    func newerField(value: String) throws {
        var fields = try #require(JSON.parse(FileSystem.read(fixture("adapter-plain/adapter_config.json"))).object)
        fields["something_new"] = try JSON.parse(Array(value.utf8))
        #expect(throws: Never.self) { try AdapterConfig(json: .object(fields), file: "x") }
    }

    @Test("tensors that don't fit the config are refused")
    func tensorsAgainstConfig() throws {
        func refusal(_ source: String, _ change: (inout JSONObject) throws -> Void) throws -> String? {
            let directory = try TemporaryDirectory()
            var fields = try #require(JSON.parse(FileSystem.read(fixture("\(source)/adapter_config.json"))).object)
            try change(&fields)
            _ = try directory.write(JSON.object(fields).text, as: "adapter_config.json")
            try FileSystem.copy(
                fixture("\(source)/adapter_model.safetensors"), to: directory.file("adapter_model.safetensors"))
            return self.refusal(of: directory.path)
        }
        #expect(try refusal("adapter-dora") { _ in } == nil)
        #expect(try refusal("adapter-dora") { $0["r"] = 4 }?.contains("expected [4, inputs]: \"r\" is 4") == true)
        #expect(try refusal("adapter-dora") { $0["use_dora"] = false }?.contains("\"use_dora\" false") == true)
        #expect(
            try refusal("adapter-plain") { $0["use_dora"] = true }?.contains("no lora_magnitude_vector for") == true)
        #expect(
            try refusal("adapter-dora") { $0["modules_to_save"] = ["lm_head"] }?.contains(
                "isn't one that \"modules_to_save\" of its config names") == true)
        #expect(
            try refusal("adapter-plain") { $0["modules_to_save"] = ["lm_head"] }?.contains(
                "no tensor for \"lm_head\" of \"modules_to_save\"") == true)
        #expect(
            try refusal("adapter-plain") { $0["target_modules"] = ["q_proj"] }?.contains(
                "its config doesn't target that module") == true)
    }

    @Test("a folder that isn't an adapter is refused with what to do")
    func notAnAdapter() throws {
        #expect(refusal(of: "/none")?.contains("no such folder; give the folder that holds adapter_config") == true)
        #expect(refusal(of: fixture("single"))?.contains("it is a model, not an adapter") == true)
        let directory = try TemporaryDirectory()
        #expect(refusal(of: directory.path)?.contains("has no adapter_config.json; expected a folder as") == true)
        try FileSystem.copy(fixture("adapter-plain/adapter_config.json"), to: directory.file("adapter_config.json"))
        #expect(refusal(of: directory.path)?.contains("has no adapter_model.safetensors; fetch all files") == true)
        _ = try directory.write("x", as: "adapter_model.bin")
        #expect(refusal(of: directory.path)?.contains("can run code when read; convert it: python -c") == true)
    }
}

extension AdapterTargets {
    fileprivate var names: [String] {
        if case .named(let names) = modules { names } else { [] }
    }
}
