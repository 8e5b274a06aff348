import Foundation
import Storage
import Testing

extension EndToEnd {
    /// `chat` in a terminal: what is typed, and what is shown.
    @Suite struct ChatTests {
        private static let template = """
            {% for m in messages %}<{{ m.role }}>{{ m.content }}
            {% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}
            """

        private static func model(_ toy: Toy, template: String? = ChatTests.template) throws -> String {
            let model = try toy.textModel(positions: 100_000)
            if let template { try AtomicFile.write(template, to: FileSystem.join(model, "chat_template.jinja")) }
            return model
        }

        @Test("commands, an answer that ^C stops, and the end by ^D")
        func terminal() throws {
            let toy = try Toy()
            let terminal = try Terminal([
                "chat", "--model", try ChatTests.model(toy), "--temperature", "0", "--max-new-tokens", "90000",
                "--threads-per-rank", "1",
            ])
            #expect(terminal.shows("/help tells the commands") && terminal.shows("> "))
            terminal.type("/help\n")
            #expect(terminal.shows("/save FILE") && terminal.shows("> "))
            terminal.type("/system Be brief.\n")
            #expect(terminal.shows("told this first"))
            terminal.type("Hello\n")
            #expect(terminal.shows("Hello") && terminal.grows(by: 50))
            terminal.type("\u{3}")
            #expect(terminal.shows("(stopped)"), "\(terminal.screen.suffix(300))")
            #expect(terminal.shows("> "))
            let file = toy.folder.file("chat.jsonl")
            terminal.type("/save \(file)\n")
            #expect(terminal.shows("chat.jsonl: 2 messages"))
            terminal.type("half a line\u{3}")
            #expect(terminal.shows("/quit or ^D ends the chat"))
            terminal.type("/reset\n")
            #expect(terminal.shows("begun anew") && terminal.shows("> "))
            terminal.type("/save \(file)\n")
            #expect(terminal.shows("nothing was said yet") && terminal.shows("> "))
            terminal.type("\u{4}")
            #expect(terminal.status() == 0, "\(terminal.screen.suffix(300))")
            let saved = try JSON.parse(FileSystem.read(file))["messages"]?.array
            #expect(saved?.map { $0["role"]?.string } == ["system", "user", "assistant"])
            #expect(saved?[1]["content"] == "Hello" && saved?[2]["content"]?.string?.isEmpty == false)
        }

        @Test("answers are generate's, turn by turn, and the history goes along")
        func history() throws {
            let toy = try Toy()
            let model = try ChatTests.model(toy)
            let typed = try toy.folder.write(
                "Say a word.\n//slash\n\"\"\"\ntwo\nlines\n\"\"\"\n/save \(toy.folder.file("c.jsonl"))\n", as: "typed")
            let chat = try Program.run(
                ["chat", "--model", model, "--system", "Be kind.", "--temperature", "0", "--max-new-tokens", "9"],
                input: typed)
            #expect(chat.status == 0, "\(chat.errors)")
            let messages = try JSON.parse(FileSystem.read(toy.folder.file("c.jsonl")))["messages"]?.array ?? []
            #expect(messages.count == 7 && messages[3]["content"] == "/slash" && messages[5]["content"] == "two\nlines")
            for turn in [2, 4, 6] {
                let row: JSON = ["prompt": .array(Array(messages[..<turn]))]
                let plain = try Program.run([
                    "generate", "--model", model, "--max-new-tokens", "9", "--prompts",
                    try toy.folder.write(row.text + "\n", as: "turn.jsonl"),
                ])
                #expect(try JSON.parse(Array(plain.output.utf8))["response"] == messages[turn]["content"])
                #expect(chat.output.contains((messages[turn]["content"]?.string ?? "?") + "\n"))
            }
        }

        @Test("without a chat template the model goes on with the text, and says so; a template that refuses is told")
        func templates() throws {
            let toy = try Toy()
            let plain = try ChatTests.model(toy, template: nil)
            let typed = try toy.folder.write("Once upon\n/save \(toy.folder.file("p.jsonl"))\n", as: "typed")
            let sampled = ["--temperature", "0", "--max-new-tokens", "6"]
            let chat = try Program.run(["chat", "--model", plain] + sampled, input: typed)
            #expect(chat.status == 0 && chat.says("has no chat template"), "\(chat.errors)")
            let same = try Program.run(
                ["generate", "--model", plain, "--prompt", "Once upon"] + sampled)
            let response = try JSON.parse(Array(same.output.utf8))["response"]?.string ?? "?"
            #expect(chat.output == response + "\n")
            #expect(try JSON.parse(FileSystem.read(toy.folder.file("p.jsonl")))["text"]?.string == "Once upon" + response)

            let refusing = "{% if messages[0].role == 'system' %}{{ raise_exception('no system here') }}{% endif %}x"
            try AtomicFile.write(refusing, to: FileSystem.join(plain, "chat_template.jinja"))
            let refused = try Program.run(["chat", "--model", plain, "--system", "s"] + sampled, input: typed)
            #expect(refused.status == 0 && refused.says("no system here") && refused.says("nothing was said"))
        }

        @Test("several ranks, and a model without a tokenizer, are refused")
        func refusals() throws {
            let toy = try Toy()
            let ranks = try Program.run(["chat", "--model", try ChatTests.model(toy)], ranks: 2)
            #expect(ranks.status == 2 && ranks.says("start it without mpirun"), "\(ranks.errors)")
            let bare = try Program.run(["chat", "--model", Goldens.model("gqa-untied")])
            #expect(bare.status == 2 && bare.says("there is no tokenizer.json"), "\(bare.errors)")
        }
    }
}
