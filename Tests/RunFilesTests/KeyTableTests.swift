import RunFiles
import Storage
import Testing

@Suite("The key table")
struct KeyTableTests {
    @Test(
        "every key is declared once, in a section, with a meaning that ends in a full stop and the words of its values")
    func declarations() {
        #expect(Set(KeyTable.names).count == KeyTable.names.count)
        #expect(KeyTable.sections.map(\.title).count == Set(KeyTable.sections.map(\.title)).count)
        #expect(KeyTable.names.count > 60)
        for key in KeyTable.keys {
            #expect(key.meaning.hasSuffix("."), "\(key.name): \(key.meaning)")
            #expect(!key.words.isEmpty && !key.standard.words.isEmpty, "\(key.name)")
        }
    }

    @Test("every section of the table has keys, found by reflection")
    func sections() {
        let count = Mirror(reflecting: KeyTable.shared).children.count
        #expect(KeyTable.sections.count == count)
        for section in KeyTable.sections { #expect(!section.keys.isEmpty, "\(section.title)") }
    }

    @Test("a default is one of the values that its key takes")
    func defaults() throws {
        for key in KeyTable.keys {
            guard let value = key.standard.value, !value.isNull else { continue }
            var values = RunValues()
            let entry = YAMLEntry(key: key.name, value: value, place: .argument)
            #expect(throws: Never.self, "\(key.name): \(value)") { try key.read(entry, into: &values) }
        }
    }

    @Test("rivals and the keys of rules are keys, and a key's rivals know of it")
    func references() {
        for key in KeyTable.keys {
            for name in key.rivals + (key.rule?.keys ?? []) {
                #expect(KeyTable.byName[name] != nil, "\(key.name): \(name)")
            }
            for rival in KeyTable.rivals[key.name] ?? [] {
                #expect(KeyTable.rivals[rival]?.contains(key.name) == true, "\(key.name) and \(rival)")
            }
        }
    }

    @Test("no name of another trainer is a key here, and none is declared twice")
    func synonyms() {
        var known: [String: String] = [:]
        for key in KeyTable.keys {
            for synonym in key.synonyms {
                #expect(KeyTable.byName[synonym.name] == nil, "\(synonym.name)")
                // Axolotl's says whether a reward model is trained, LLaMA-Factory's which one gives the rewards.
                let isTwofold = synonym.name == "reward_model"
                #expect(
                    known[synonym.name] == nil || isTwofold, "\(synonym.name): \(key.name) and \(known[synonym.name] ?? "")")
                known[synonym.name] = key.name
                #expect(!ForeignKey.all.contains { $0.covers(synonym.name) }, "\(synonym.name) has no counterpart?")
            }
        }
        for foreign in ForeignKey.all {
            for name in KeyTable.names { #expect(!foreign.covers(name), "\(name) is a key here") }
        }
    }

    @Test("what a synonym's value becomes is a value of its key")
    func conversions() throws {
        let samples = [
            "dpo", "simpo", "kto", "lora", "full", "qlora", "all", "q_proj, v_proj", "keep_end", "keep_start", "true",
            "0.5", "2", "8",
        ]
        for key in KeyTable.keys {
            for synonym in key.synonyms where synonym.trainers.isEmpty == false {
                for sample in samples {
                    guard let converted = synonym.convert(.plain(sample)), converted != .plain(sample) else { continue }
                    var values = RunValues()
                    let entry = YAMLEntry(key: key.name, value: converted, place: .argument)
                    guard converted.text.map({ Synonym.lossNames.values.contains($0) }) != true else { continue }
                    #expect(throws: Never.self, "\(synonym.name): \(sample)") { try key.read(entry, into: &values) }
                }
            }
        }
    }

    // MARK: Documents

    private static let documents = FileSystem.join(
        FileSystem.parent(of: FileSystem.parent(of: FileSystem.parent(of: #filePath))), "docs")

    @Test(
        "the committed documents are those that the table makes",
        arguments: [("run-file.md", KeyDocument.markdown), ("run-file.schema.json", KeySchema.json.prettyText)])
    func documents(name: String, text: String) throws {
        let committed = String(decoding: try FileSystem.read("\(KeyTableTests.documents)/\(name)"), as: UTF8.self)
        let option = name.hasSuffix("md") ? "--markdown" : "--json-schema"
        #expect(committed == text, "run: swift-prefopt keys \(option) > docs/\(name)")
    }

    @Test("keys KEY says everything of a key, and what another trainer's key is here")
    func texts() throws {
        #expect(
            try KeyDocument.text(of: "warmup_ratio") == """
                warmup_ratio (optimizer)
                  The same as a share of all steps.
                  value: a number from 0 to 1
                  default: warmup_steps holds
                  read by: every run
                  instead of: warmup_steps
                  elsewhere: lr_warmup_ratio (OpenRLHF)

                """)
        #expect { try KeyDocument.text(of: "cutoff_len") } throws: {
            "\($0)" == "swift-prefopt keys: cutoff_len is a key of LLaMA-Factory; here write max_length: …"
        }
        #expect { try KeyDocument.text(of: "bta") } throws: {
            "\($0)" == "swift-prefopt keys: there is no key bta; did you mean beta?"
        }
        for name in KeyTable.names { #expect(KeyDocument.list.contains("  \(name)")) }
    }
}
