import Rewards
import RunFiles
import Testing

@Suite("A study's file of the frontier")
struct FrontierFileTests {
    private let least = """
        model_name_or_path: model
        train_file: prompts.jsonl
        eval_file: held-out.jsonl
        truth: "lexicon:words.txt"

        """

    private func file(_ text: String) throws(RunFileError) -> FrontierFile {
        try FrontierFile(bytes: Array(text.utf8), file: "study.yaml")
    }

    private func complaint(_ text: String) -> String {
        do {
            _ = try file(text)
            return "accepted"
        } catch { return "\(error)" }
    }

    @Test("what isn't given has the defaults, what is given is taken")
    func reading() throws {
        let study = try file(least + "dpo: [0.1, 2]\nppo: []\nsettings: {learning_rate: 1e-4}\nprompts: 10\n")
        #expect(study.model == "model" && study.truth == .lexicon(path: "words.txt"))
        #expect(study.dpo == [0.1, 2] && study.ppo == [] && study.unlikelihood == FrontierFile().unlikelihood)
        #expect(study.settings.map(\.key) == ["learning_rate"] && study.promptCount == 10)
    }

    @Test("all that is wrong is said at once, with its line and what to write")
    func refusals() {
        #expect(
            complaint("modle: x\ndpo: 3\nbest_of_n: [0]\n") == """
                study.yaml:1: modle is no key of study frontier; those are model_name_or_path, train_file, eval_file, truth, \
                output_dir, prompts, completions, eval_prompts, response_length, max_steps, ppo_steps, points, seed, dpo, ppo, \
                ppo_gt, unlikelihood, preferred_ft, best_of_n, temperatures, settings and ppo_settings
                study.yaml:2: dpo is 3; expected a list of numbers, [] for none
                study.yaml:3: best_of_n is a list; expected numbers in the method's range
                study.yaml: model_name_or_path is missing; see swift-prefopt study frontier --help
                study.yaml: train_file is missing; see swift-prefopt study frontier --help
                study.yaml: eval_file is missing; see swift-prefopt study frontier --help
                study.yaml: truth is missing; name the true reward, for instance truth: "lexicon:words.txt"
                """)
        #expect(complaint(least.replacing("lexicon:words.txt", with: "words.txt")).contains("truth is the string"))
        #expect(complaint(least + "temperature: [1]\n").contains("did you mean temperatures?"))
        #expect(complaint(least.replacing("\"lexicon:words.txt\"", with: "null")).contains("truth is missing"))
    }
}
