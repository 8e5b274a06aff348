import Storage
import Testing

extension EndToEnd {
    /// `score_turns: all`: several scored spans in one packed sequence.
    @Suite struct ScoreTurnsTests {
        private static let template = """
            {% for m in messages %}<{{ m.role }}>{{ m.content }};{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}
            """
        private static let settings: JSONObject = [
            "loss_type": "sft", "max_length": 120, "global_batch_size": 4, "max_steps": 2, "shuffle": false,
        ]

        private func message(_ role: String, _ content: String) -> JSON {
            ["role": .string(role), "content": .string(content)]
        }

        /// A model with a chat template, and eight dialogues of two answers.
        private func prepare(_ toy: Toy) throws -> (model: JSON, dialogues: [[JSON]]) {
            let model = try toy.textModel()
            _ = try toy.folder.write(Self.template, as: "text-model/chat_template.jinja")
            let dialogues = (0..<8).map { k in
                [
                    message("user", "Is \(k) it?"), message("assistant", "It \(k * 7) is."),
                    message("user", "And the \(k)?"), message("assistant", String(repeating: "so ", count: 1 + k % 3)),
                ]
            }
            return (.string(model), dialogues)
        }

        private func write(_ rows: [JSON], _ toy: Toy) throws -> JSON {
            .string(try toy.folder.write(rows.map { $0.text + "\n" }.joined(), as: "dialogues.jsonl"))
        }

        private func run(_ toy: Toy, _ more: JSONObject, ranks: Int? = nil) throws -> Outcome {
            var settings = Self.settings
            for (key, value) in more.members { settings[key] = value }
            let ending = try toy.train(settings, ranks: ranks)
            if more["score_turns"] != nil {
                #expect(ending.says("8 rows of which several of the assistant's turns are scored"))
            }
            return try toy.outcome()
        }

        @Test("every turn of a dialogue is scored once, on 1, 2 and 3 ranks to the same bits")
        func ranks() throws {
            var outcomes: [Outcome] = []
            for ranks in [nil, 2, 3] {
                let toy = try Toy()
                let (model, dialogues) = try prepare(toy)
                outcomes.append(
                    try run(
                        toy,
                        [
                            "model_name_or_path": model, "score_turns": "all",
                            "train_file": write(dialogues.map { ["messages": .array($0)] }, toy),
                        ], ranks: ranks))
            }
            #expect(outcomes[1] == outcomes[0] && outcomes[2] == outcomes[0])
        }

        @Test("a dialogue in one sequence has the loss of its turns as rows of their own")
        func equivalence() throws {
            let toy = try Toy()
            let (model, dialogues) = try prepare(toy)
            let whole = try run(
                toy,
                [
                    "model_name_or_path": model, "score_turns": "all", "max_steps": 1,
                    "train_file": write(dialogues.map { ["messages": .array($0)] }, toy),
                ])
            let other = try Toy()
            let (sameModel, _) = try prepare(other)
            let turns = dialogues.flatMap { dialogue in
                [2, 4].map { JSON.object(["messages": .array(Array(dialogue.prefix($0)))]) }
            }
            let apart = try run(
                other,
                [
                    "model_name_or_path": sameModel, "max_steps": 1, "global_batch_size": 8,
                    "train_file": write(turns, other),
                ])
            let (a, b) = (whole.steps[0], apart.steps[0])
            for name in ["loss", "grad_norm", "perplexity"] {
                let (one, two) = (a[name]?.double ?? .nan, b[name]?.double ?? .nan)
                #expect(abs(one - two) < 1e-5 * max(1, abs(two)), "\(name): \(one), \(two)")
            }
            #expect(a["perplexity"] != nil)
        }

        @Test("only sft reads score_turns")
        func readers() throws {
            let toy = try Toy()
            for (loss, reason) in [
                (JSON.string("sigmoid"), "loss_type sigmoid doesn't read it"),
                (["sigmoid", "sft"], "with other losses beside sft the rows are pairs"),
            ] {
                let ending = try Program.run(
                    ["train", try toy.runFile(["loss_type": loss, "score_turns": "all"])])
                #expect(ending.status == 2 && ending.says(reason), "\(ending.errors)")
            }
        }
    }
}
