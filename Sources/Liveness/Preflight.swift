import Collectives
import Glibc
import Machine
import Storage

/// Before anything is loaded: whether the ranks are the same program on nodes that can talk to each other, and mean the same
/// run. What isn't so would otherwise be a hang, or a result that nobody could explain.
package enum Preflight {
    /// Seconds that ranks may take to find each other.
    package static let defaultPatience = 60.0

    /// Starting takes its time also where a rank that falls silent is to be noticed at once.
    package static func patience(hangTimeout: Double?) -> Double {
        max(10, min(hangTimeout ?? .infinity, defaultPatience))
    }

    /// Of the whole job's ranks, as far as the launcher says; nil when there is none.
    private static var launchedRank: Int? {
        let launcher = Launcher()
        return launcher.kind.connects ? launcher.rank : nil
    }

    /// Whether a launcher started this process as a rank.
    package static var isLaunched: Bool { launchedRank != nil }

    private static func number(_ name: String) -> Int? { environment(name).flatMap { Int($0) } }

    // MARK: - Before MPI

    /// Watches over the start: MPI that never comes up, first messages that never arrive.
    ///
    /// - Parameter patience: seconds; PREFOPT_START_TIMEOUT comes before it.
    /// - Returns: what to lift once the ranks have agreed; nil without a launcher.
    package static func watchStart(patience: Double) -> TimeLimit? {
        guard let rank = launchedRank else { return nil }
        let given = environment("PREFOPT_START_TIMEOUT").flatMap { Double($0) }.flatMap { $0 > 0 ? $0 : nil }
        let seconds = given ?? patience
        // Rank 0 speaks for all; the others only if it is gone.
        return TimeLimit(seconds: rank == 0 ? seconds : seconds + 3, stage: "MPI_Init") { stage in
            let size = number("OMPI_COMM_WORLD_SIZE").map { "\($0) ranks" } ?? "the ranks"
            return
                "rank \(rank) on \(hostName()): \(size) were started, but after \(fixed(seconds, 0)) s they still wait in "
                + "\(stage): a message between them doesn't arrive. \(networkRemedy()); a node that is only slow to start "
                + "needs PREFOPT_START_TIMEOUT=\(fixed(4 * seconds, 0))"
        }
    }

    /// Refuses an interface that this host doesn't have: Open MPI ignores it and then hangs.
    /// - Throws: `PreflightError.interface`.
    package static func checkInterfaces() throws {
        guard let size = number("OMPI_COMM_WORLD_SIZE"), let here = number("OMPI_COMM_WORLD_LOCAL_SIZE"), size > here,
            let wanted = environment("OMPI_MCA_btl_tcp_if_include")
        else { return }
        let entries = wanted.split(separator: ",")
        guard !NetworkInterface.all().contains(where: { interface in entries.contains { interface.isMeant(by: $0) } })
        else { return }
        // Rank 0 speaks for all if its host lacks it too.
        if let rank = launchedRank, rank > 0 { usleep(UInt32(2_000_000 + 100_000 * min(rank, 50))) }
        throw PreflightError.interface(
            "rank \(launchedRank ?? 0) on \(hostName()): btl_tcp_if_include is \(wanted), but this host has no such "
                + "interface; \(networkRemedy(afterChoice: true))")
    }

    /// - Parameter afterChoice: what was chosen has been said.
    private static func networkRemedy(afterChoice: Bool = false) -> String {
        let interfaces = NetworkInterface.all().filter { !$0.isLoopback }
        let list = interfaces.isEmpty ? "none" : interfaces.map(\.description).joined(separator: ", ")
        let choice = afterChoice ? nil : environment("OMPI_MCA_btl_tcp_if_include")
        let chosen = choice.map { " (btl_tcp_if_include is \($0))" } ?? ""
        var text = "this host's interfaces: \(list)\(chosen); name the one that joins the nodes, for instance "
        let best = interfaces.first { !$0.isVirtual }?.network ?? "10.0.0.0/24"
        text += "mpirun --mca btl_tcp_if_include \(best) --mca oob_tcp_if_include \(best)"
        return text + ", and let no firewall stand between them"
    }

    // MARK: - Between the ranks

    /// Makes sure that all ranks are one program on working connections.
    ///
    /// - Parameter processorProblem: why this rank's CPU can't run the kernels that were asked for. (CPUs of different levels
    ///   may work together: their bits are equal.)
    /// - Throws: on every rank alike. Collective.
    package static func run(
        over communicator: Communicator, processorProblem: String?
    ) throws {
        let hosts = communicator.gather(hostName())
        let problems = communicator.gather(processorProblem ?? "")
        if let rank = problems.firstIndex(where: { !$0.isEmpty }) {
            throw PreflightError.processor(host: hosts[rank], rank: rank, problem: problems[rank])
        }
        guard communicator.size > 1 else { return }
        try require(.version, programVersion, hosts, communicator)
        try require(.library, Communicator.libraryVersion, hosts, communicator)
        let digest = try communicator.failingTogether(status: { _ in 4 }) {
            let program = try MappedFile(path: "/proc/self/exe")
            return withExtendedLifetime(program) { Digest.of(program.bytes).hex }
        }
        try require(.binary, digest, hosts, communicator)

        // Numbers too, whose sums are known.
        var numbers = (0..<1024).map { Double($0 * communicator.rank) }
        communicator.sum(&numbers)
        let ranks = communicator.size * (communicator.size - 1) / 2
        guard numbers.indices.allSatisfy({ numbers[$0] == Double($0 * ranks) }) else {
            throw PreflightError.wrongSum(host: hosts[communicator.rank], rank: communicator.rank)
        }
    }

    /// Makes sure that all ranks read the same run, and find the same files.
    ///
    /// - Throws: on every rank alike. Collective.
    package static func run(
        resolved text: String, inputs: [String], over communicator: Communicator
    ) throws {
        guard communicator.size > 1 else { return }
        let hosts = communicator.gather(hostName())
        let texts = communicator.gather(text)
        if let odd = Disagreement(texts) {
            let (theirs, most) = differing(texts[odd.ranks[0]], texts[odd.common])
            throw PreflightError.different(
                .run, rank: odd.ranks[0], host: hosts[odd.ranks[0]], found: theirs, otherRank: odd.common,
                otherHost: hosts[odd.common], expected: most)
        }
        for path in inputs { try require(.file(path), InputFacts.description(of: path), hosts, communicator) }
    }

    private static func require(
        _ subject: PreflightError.Subject, _ value: String, _ hosts: [String], _ communicator: Communicator
    ) throws {
        let values = communicator.gather(value)
        guard let odd = Disagreement(values) else { return }
        let rank = odd.ranks[0]
        throw PreflightError.different(
            subject, rank: rank, host: hosts[rank], found: values[rank], otherRank: odd.common,
            otherHost: hosts[odd.common], expected: values[odd.common])
    }

    /// The first lines in which two texts differ.
    private static func differing(_ a: String, _ b: String) -> (String, String) {
        let (a, b) = (a.split(separator: "\n"), b.split(separator: "\n"))
        for index in 0..<max(a.count, b.count) {
            let (left, right) = (index < a.count ? a[index] : "", index < b.count ? b[index] : "")
            if left != right { return (String(left), String(right)) }
        }
        return ("", "")
    }
}

/// The ranks that differ from the rest.
package struct Disagreement: Equatable {
    /// Those with the rarest value, in rising order; of equally rare values, one that rank 0 doesn't have.
    package let ranks: [Int]
    /// The first rank with the commonest value.
    package let common: Int

    /// Nil when all values are equal.
    package init?(_ values: [String]) {
        var members: [String: [Int]] = [:]
        for (rank, value) in values.enumerated() { members[value, default: []].append(rank) }
        guard members.count > 1 else { return nil }
        let sorted = members.values.sorted { ($0.count, -$0[0]) > ($1.count, -$1[0]) }
        common = sorted[0][0]
        ranks = sorted[sorted.count - 1]
    }
}

/// A file or a folder as it looks from outside and in some places inside: enough to see that two nodes don't have the same.
package enum InputFacts {
    /// Blocks of content that are looked at of a file or a folder, spread over its bytes. Two models of one shape, of which one
    /// was trained further, differ nearly everywhere; a disk needs a second or two for this, and for all of it minutes.
    private static let blocks = 256
    private static let blockSize = 4096

    package static func description(of path: String) -> String {
        guard FileSystem.exists(path) else { return "missing" }
        guard access(path, R_OK) == 0 else { return "not readable" }
        guard FileSystem.isDirectory(path) else { return facts(of: path, blocks: blocks) }
        guard let names = try? FileSystem.list(path) else { return "not readable" }
        // A folder on its way to being read: hidden files are somebody else's.
        let paths = names.filter { !$0.hasPrefix(".") }.map { FileSystem.join(path, $0) }
        let sizes = paths.map { FileSystem.isFile($0) ? (try? FileSystem.size(of: $0)) ?? 0 : 0 }
        let total = max(1, sizes.reduce(0, +))
        let lines = zip(paths, sizes).map { file, size in
            let share = Double(size) / Double(total)
            return "\(FileSystem.name(of: file)) \(facts(of: file, blocks: max(2, Int(share * Double(blocks)))))"
        }
        return "\(lines.count) files (\(mark(lines.joined(separator: "\n"))))"
    }

    private static func facts(of path: String, blocks: Int) -> String {
        if FileSystem.isDirectory(path) { return "a folder" }
        guard FileSystem.isFile(path) else { return "not a plain file" }
        do {
            let file = try OpenFile(reading: path)
            let size = try file.size()
            var digest = Digest()
            // The first block, the last, and those between in equal steps.
            let step = max(blockSize, (size - blockSize) / max(1, blocks - 1))
            for offset in stride(from: 0, to: size, by: step) {
                digest.update(try file.bytes(blockSize, at: min(offset, max(0, size - blockSize))))
            }
            return "\(size) bytes (\(digest.finish().hex.prefix(12)))"
        } catch {
            return "\(error)"
        }
    }

    private static func mark(_ text: String) -> String { String(Digest.of(Array(text.utf8)).hex.prefix(12)) }
}
