import Collectives
import Liveness
import Machine
import Storage
import Yardsticks

/// The measurements of `doctor`, as tables and as warnings with their remedies.
package struct DoctorFindings {
    let nodes: [NodeFacts]
    /// GFLOP/s of each rank's threads: multiply-adds in registers, and OpenBLAS's matrix product.
    let peaks: [Double]
    let products: [Double]
    let links: [LinkSpeed]
    /// Bytes of a vector summed over all ranks in a second.
    let sumSpeed: Double
    let disk: DiskProbe
    let launcher: Launcher
    /// `btl_tcp_if_include`, if it is set.
    let chosenNetwork: String?

    private var hosts: [String] {
        nodes.reduce(into: []) { known, node in if !known.contains(node.host) { known.append(node.host) } }
    }

    private func ranks(on host: String) -> [Int] { nodes.indices.filter { nodes[$0].host == host } }

    // MARK: - Warnings

    /// Each says what is wrong and what to do.
    var warnings: [String] {
        launcherWarnings + hosts.flatMap { warnings(of: $0) } + differences + networkWarnings + diskWarnings
    }

    private var launcherWarnings: [String] {
        launcher.fault(worldSize: nodes.count, library: nodes[0].library).map { [$0] } ?? []
    }

    private func warnings(of host: String) -> [String] {
        let here = ranks(on: host)
        let first = nodes[here[0]]
        var warnings: [String] = []
        if let bound = here.first(where: { nodes[$0].threads > nodes[$0].allowedCPUs.count }) {
            let (threads, cpus) = (nodes[bound].threads, nodes[bound].allowedCPUs.count)
            warnings.append(
                "\(host): rank \(bound) has \(threads) threads but is bound to \(cpus) CPU\(cpus == 1 ? "" : "s"); bind it to "
                    + "as many cores as threads: mpirun --map-by slot:PE=\(threads) --bind-to core, or --bind-to none")
        }
        let threads = here.reduce(0) { $0 + nodes[$1].threads }
        let usable = Set(here.flatMap { nodes[$0].allowedCPUs }).count
        let cores = min(first.onlineCores, max(usable, 1))
        if threads > cores {
            warnings.append(
                "\(host): \(here.count) rank\(here.count == 1 ? "" : "s") with \(threads) threads together share \(cores) "
                    + "core\(cores == 1 ? "" : "s"); use fewer ranks or threads_per_rank: \(max(1, cores / here.count)); where "
                    + "that is meant, mpirun --oversubscribe makes waiting ranks give way")
        } else if usable * 2 <= first.onlineCPUs, threads * 2 <= first.onlineCores {
            warnings.append(
                "\(host): the ranks may use \(usable) of its \(first.onlineCPUs) CPUs: mpirun binds each rank to one core by "
                    + "default; launch/train.sh and launch/multinode.sh choose ranks, threads and binding")
        }
        if first.quota > 0, first.quota < Double(threads) {
            warnings.append(
                "\(host): the container may use \(fixed(first.quota, 1)) CPUs at a time, but its ranks have \(threads) "
                    + "threads; raise its limit or set threads_per_rank: \(max(1, Int(first.quota) / here.count))")
        }
        if let misfit = BLAS.misfit(core: first.blasCore, best: first.bestLevel) {
            warnings.append("\(host): \(misfit)")
        }
        if first.level != first.bestLevel {
            warnings.append(
                "\(host): PREFOPT_CPU_LEVEL asks for \(first.level.rawValue), where the CPU has \(first.bestLevel.rawValue)"
            )
        }
        if first.freeMemory < 1 << 30 {
            warnings.append(
                "\(host): only \(readableBytes(first.freeMemory)) of memory are free; end what else runs there")
        }
        if first.openFiles < 1024 {
            warnings.append("\(host): a process may open \(first.openFiles) files; raise the limit: ulimit -n 4096")
        }
        return warnings
    }

    /// The differences between nodes where there should be none.
    private var differences: [String] {
        let subjects: [(name: String, value: (NodeFacts) -> String, remedy: String)] = [
            ("the program's version", { $0.version }, "copy one build to all nodes"),
            ("the MPI library", { $0.library }, "install the same on all nodes"),
            (
                "the number of cores", { "\($0.onlineCores)" },
                "a step waits for the slowest rank: use nodes of one kind"
            ),
            ("the CPU", { $0.processor }, "a step waits for the slowest rank: use nodes of one kind"),
        ]
        var texts = subjects.compactMap { subject -> String? in
            guard let odd = Disagreement(nodes.map(subject.value)) else { return nil }
            let rank = odd.ranks[0]
            return
                "\(nodes[rank].host): \(subject.name) is \(subject.value(nodes[rank])), on \(nodes[odd.common].host) "
                + "\(subject.value(nodes[odd.common])); \(subject.remedy)"
        }
        if let least = comparable.min(), let most = comparable.max(), least < 0.75 * most {
            let slow = comparable.firstIndex(of: least) ?? 0
            texts.append(
                "\(nodes[slow].host): rank \(slow) multiplies at \(fixed(least, 0)) GFLOP/s a thread, the fastest at "
                    + "\(fixed(most, 0)); "
                    + "does something else run there, or do its threads share cores?")
        }
        return texts
    }

    /// GFLOP/s of a thread.
    private var comparable: [Double] { zip(peaks, nodes).map { $0 / Double(max(1, $1.threads)) } }

    private var networkWarnings: [String] {
        guard hosts.count > 1 else { return [] }
        var texts: [String] = []
        let addresses = nodes.map { Set($0.interfaces) }
        let repeated = Set(nodes[0].interfaces).filter { text in
            zip(nodes, addresses).contains { $0.host != nodes[0].host && $1.contains(text) }
        }
        if chosenNetwork == nil, let same = repeated.sorted().first {
            texts.append(
                "\(same.split(separator: " ")[0]) has the same address on several nodes (\(same)): Open MPI may try it and hang; "
                    + "name the network that joins them: mpirun --mca btl_tcp_if_include \(suggestedNetwork)")
        } else if chosenNetwork == nil, nodes.contains(where: { $0.interfaces.count > 1 }) {
            texts.append(
                "nodes have several interfaces and none is chosen; name the one that joins them: mpirun --mca "
                    + "btl_tcp_if_include \(suggestedNetwork) --mca oob_tcp_if_include \(suggestedNetwork)")
        }
        let slow = links.filter { nodes[$0.from].host != nodes[$0.to].host && $0.bandwidth < 200e6 }
        if let link = slow.min(by: { $0.bandwidth < $1.bandwidth }) {
            texts.append(
                "\(nodes[link.from].host) to \(nodes[link.to].host): \(fixed(link.bandwidth / 1e6, 0)) MB/s; over so slow a link "
                    + "use a large global_batch_size, and the ring algorithm as launch/multinode.sh does")
        }
        return texts
    }

    /// A network that an interface of every node is in, or a guess.
    private var suggestedNetwork: String {
        let known = NetworkInterface.all().filter { !$0.isLoopback && !$0.isVirtual }
        return known.first?.network ?? "10.0.0.0/24"
    }

    private var diskWarnings: [String] {
        if let failure = disk.failure { return ["\(failure); choose another output folder"] }
        var texts: [String] = []
        if disk.freeBytes < 10 << 30 {
            texts.append(
                "\(disk.path): \(readableBytes(disk.freeBytes)) free; a checkpoint takes up to 16 bytes a parameter: set "
                    + "save_total_limit, or write to another disk")
        }
        if disk.bytesPerSecond < 50e6 {
            texts.append(
                "\(disk.path): writes at \(fixed(disk.bytesPerSecond / 1e6, 1)) MB/s; raise save_steps, or write to another disk"
            )
        }
        if !disk.blindHosts.isEmpty {
            texts.append(
                "\(disk.path): not shared with \(disk.blindHosts.prefix(4).joined(separator: ", ")); a run that is restarted with "
                    + "another host first wouldn't find its checkpoints there: put output_dir on a shared disk")
        }
        return texts
    }

    // MARK: - Tables

    var lines: [String] {
        let first = nodes[0]
        var lines = [
            "swift-prefopt \(first.version): \(nodes.count) rank\(nodes.count == 1 ? "" : "s") on \(hosts.count) "
                + "host\(hosts.count == 1 ? "" : "s"), started by \(launcher.name)",
            "MPI          \(first.library)" + (chosenNetwork.map { ", btl_tcp_if_include \($0)" } ?? ""),
            "BLAS         \(first.blas)", "",
            "host         CPUs  cores  NUMA  memory      free        CPU",
        ]
        for host in hosts {
            let node = nodes[ranks(on: host)[0]]
            lines.append(
                "\(pad(host, 12)) \(pad("\(node.onlineCPUs)", -4))  \(pad("\(node.onlineCores)", -5))  "
                    + "\(pad("\(node.numaNodes)", -4))  \(pad(readableBytes(node.memory), 10))  "
                    + "\(pad(readableBytes(node.freeMemory), 10))  \(node.processor)")
            lines.append("  kernels of \(node.level.description)")
            lines.append("  \(node.interfaces.joined(separator: ", "))")
        }
        lines += ["", "rank  host         threads  bound to          GFLOP/s: peak    sgemm"]
        for (rank, node) in nodes.enumerated() {
            lines.append(
                "\(pad("\(rank)", -4))  \(pad(node.host, 12)) \(pad("\(node.threads)", -7))  "
                    + "\(pad(Self.ranges(node.allowedCPUs), 16))  \(pad(fixed(peaks[rank], 1), -13))  \(pad(fixed(products[rank], 1), -7))"
            )
        }
        if !links.isEmpty {
            lines += ["", "link               latency      bandwidth"]
            for link in links {
                let isInside = nodes[link.from].host == nodes[link.to].host
                lines.append(
                    "\(pad("\(link.from) → \(link.to)", 12)) \(pad(fixed(link.latency, 1), -10)) µs "
                        + "\(pad(fixed(link.bandwidth / 1e6, 0), -9)) MB/s  "
                        + (isInside
                            ? "inside \(nodes[link.from].host)" : "\(nodes[link.from].host) → \(nodes[link.to].host)"))
            }
            lines.append("sum of a vector over all ranks: \(fixed(sumSpeed / 1e6, 0)) MB/s")
        }
        lines += [
            "",
            "folder       \(disk.path): \(disk.fileSystem), \(readableBytes(disk.freeBytes)) free, "
                + (disk.failure == nil ? "writes \(fixed(disk.bytesPerSecond / 1e6, 0)) MB/s" : "can't be written"),
            "",
        ]
        return lines + (warnings.isEmpty ? ["nothing to warn of"] : warnings.map { "warning: \($0)" })
    }

    /// `0-3,8`
    static func ranges(_ numbers: [Int]) -> String {
        var parts: [(Int, Int)] = []
        for number in numbers.sorted() {
            if let last = parts.last, last.1 + 1 == number {
                parts[parts.count - 1].1 = number
            } else {
                parts.append((number, number))
            }
        }
        return parts.map { $0 == $1 ? "\($0)" : "\($0)-\($1)" }.joined(separator: ",")
    }

    var json: JSONObject {
        [
            "version": .string(nodes[0].version), "launcher": .string(launcher.name), "mpi": .string(nodes[0].library),
            "btl_tcp_if_include": chosenNetwork.map { .string($0) } ?? .null,
            "ranks": .array(
                nodes.indices.map { rank in
                    var facts = nodes[rank].json
                    facts["rank"] = .integer(rank)
                    facts["roof_gflop_per_second"] = .number(peaks[rank])
                    facts["sgemm_gflop_per_second"] = .number(products[rank])
                    return .object(facts)
                }),
            "links": .array(
                links.map {
                    [
                        "from": .integer($0.from), "to": .integer($0.to), "latency_microseconds": .number($0.latency),
                        "bytes_per_second": .number($0.bandwidth),
                    ]
                }),
            "sum_bytes_per_second": .number(sumSpeed), "folder": .object(disk.json),
            "warnings": .array(warnings.map { .string($0) }),
        ]
    }
}
