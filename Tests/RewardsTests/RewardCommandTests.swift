import Rewards
import Scratch
import Storage
import Testing

@Suite("Rewards of a command") struct RewardCommandTests {
    private let texts = (1...200).map { RatedText(prompt: "p", response: String(repeating: "x", count: $0), row: $0) }

    private func rewards(_ command: String, patience: Double = 20) throws -> [Double] {
        let command = try RewardCommand(command, patience: patience)
        var rewards: [Double] = []
        try command.rewards(of: texts) { index, reward throws(RewardError) in
            #expect(index == rewards.count)
            rewards.append(reward)
        }
        return rewards
    }

    @Test("each text gets its own answer, also from a program that answers four at a time") func batches() throws {
        let program = #"""
            while read -r a && read -r b && read -r c && read -r d; do for l in "$a" "$b" "$c" "$d"; do
            r=${l##*: \"}; r=${r%\"*}; echo "{\"reward\": ${#r}}"; done; done
            """#
        #expect(try rewards(program) == (1...200).map(Double.init))
    }

    @Test(
        "a program that ends, hangs or writes nonsense is an error that names the row",
        arguments: [
            ("exit 3", "ended with status 3"), ("head -n 1 >/dev/null; echo '{\"reward\": 1}'", "row 2"),
            ("sleep 30", "gave no answer in 1 s"), ("while read l; do echo hello; done", "answered \"hello\""),
            ("while read l; do echo '{\"reward\": \"good\"}'; done", "expected {\"reward\": NUMBER}"),
            ("kill -9 $$", "ended by signal 9"), ("while read l; do echo '{\"reward\": 1e999}'; done", "row 1"),
        ])
    func broken(command: String, message: String) {
        let error = #expect(throws: RewardError.self) { try rewards(command, patience: 1) }
        #expect("\(error.map(String.init(describing:)) ?? "")".contains(message))
    }

    @Test("rewards are kept by content, and a line that was cut short costs only itself") func cache() throws {
        let folder = try TemporaryDirectory()
        do {
            let cache = try RewardCache(folder: folder.path, source: "s", writer: 0)
            try cache.keep(1.5, of: texts[0])
            try cache.keep(-2, of: texts[1])
            let whole = try FileSystem.read(cache.path)
            try AtomicFile.write(Array(whole.dropLast(5)), to: cache.path)
        }
        let cache = try RewardCache(folder: folder.path, source: "s", writer: 1)
        #expect(cache[texts[0]] == 1.5)
        #expect(cache[texts[1]] == nil)
        #expect(try RewardCache(folder: folder.path, source: "other", writer: 0)[texts[0]] == nil)
    }
}
