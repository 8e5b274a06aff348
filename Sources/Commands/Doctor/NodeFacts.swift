import Collectives
import Glibc
import Kernels
import Machine
import Storage
import Training

/// What a rank finds of the node that it was put on. Travels to rank 0 as JSON.
package struct NodeFacts: Equatable {
    var host = hostName()
    var version = programVersion
    var library = Communicator.libraryVersion
    var blas = blasDescription()
    var processor = ""
    /// Logical CPUs of the node, and those this rank may run on.
    var onlineCPUs = 1
    var allowedCPUs: [Int] = []
    /// Cores among the allowed ones: two hardware threads of a core share its arithmetic.
    var allowedCores = 1
    var onlineCores = 1
    var numaNodes = 1
    /// CPUs' worth of time that the control group gives; 0: no limit.
    var quota = 0.0
    /// Ranks on this node, as far as the launcher says, and threads that a rank would take.
    var ranksHere = 1
    var threads = 1
    /// Bytes.
    var memory = 0
    var freeMemory = 0
    var openFiles = 0
    var interfaces: [String] = []

    /// - Parameter threads: of a rank, if the run says so.
    init(threads given: Int?) {
        let info = NodeFacts.lines("/proc/cpuinfo")
        processor = info.first { $0.hasPrefix("model name") }.map { NodeFacts.value($0) } ?? "unknown"
        onlineCPUs = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        allowedCPUs =
            NodeFacts.lines("/proc/self/status").first { $0.hasPrefix("Cpus_allowed_list:") }
            .map { NodeFacts.list(NodeFacts.value($0)) } ?? []
        allowedCores = NodeFacts.cores(of: allowedCPUs)
        onlineCores = NodeFacts.cores(
            of: NodeFacts.list(NodeFacts.lines("/sys/devices/system/cpu/online").first ?? "0"))
        numaNodes = NodeFacts.list(NodeFacts.lines("/sys/devices/system/node/online").first ?? "0").count
        quota = NodeFacts.processorQuota()
        ranksHere = RankThreads.ranksOnNode() ?? 1
        threads = given ?? RankThreads.standard()
        memory = Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE)))
        freeMemory = FreeMemory.bytes()
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        openFiles = Int(clamping: limit.rlim_cur)
        interfaces = NetworkInterface.all().filter { !$0.isLoopback }.map(\.description)
    }

    // MARK: - Reading the system

    private static func lines(_ path: String) -> [String] {
        guard let bytes = try? FileSystem.read(path) else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// What stands after the colon.
    private static func value(_ line: String) -> String {
        String(line.drop { $0 != ":" }.dropFirst().drop { $0.isWhitespace })
    }

    /// Reads `0-3,8`.
    static func list(_ text: String) -> [Int] {
        text.split(separator: ",").flatMap { part -> [Int] in
            let ends = part.split(separator: "-").compactMap { Int($0.filter { !$0.isWhitespace }) }
            guard let first = ends.first, let last = ends.last, first <= last else { return [] }
            return Array(first...last)
        }
    }

    private static func cores(of cpus: [Int]) -> Int {
        let siblings = cpus.map { cpu in
            lines("/sys/devices/system/cpu/cpu\(cpu)/topology/thread_siblings_list").first ?? "\(cpu)"
        }
        return max(1, Set(siblings).count)
    }

    private static func processorQuota() -> Double {
        let words = lines("/sys/fs/cgroup/cpu.max").first?.split(separator: " ").compactMap { Double($0) } ?? []
        if words.count == 2 { return words[0] / words[1] }
        let older = ["quota", "period"].compactMap {
            lines("/sys/fs/cgroup/cpu/cpu.cfs_\($0)_us").first.flatMap(Double.init)
        }
        return older.count == 2 && older[0] > 0 ? older[0] / older[1] : 0
    }

    // MARK: - Travelling

    var json: JSONObject {
        [
            "host": .string(host), "version": .string(version), "mpi": .string(library), "blas": .string(blas),
            "processor": .string(processor), "cpus": .integer(onlineCPUs), "cores": .integer(onlineCores),
            "numa_nodes": .integer(numaNodes), "bound_to": .array(allowedCPUs.map { .integer($0) }),
            "bound_cores": .integer(allowedCores), "cpu_quota": quota > 0 ? .number(quota) : .null,
            "ranks_on_node": .integer(ranksHere), "threads": .integer(threads), "memory_bytes": .integer(memory),
            "free_memory_bytes": .integer(freeMemory), "open_files": .integer(openFiles),
            "interfaces": .array(interfaces.map { .string($0) }),
        ]
    }

    init?(_ json: JSON) {
        guard let host = json["host"]?.string else { return nil }
        func text(_ name: String) -> String { json[name]?.string ?? "" }
        func number(_ name: String) -> Int { json[name]?.integer ?? 0 }
        self.host = host
        (version, library, blas, processor) = (text("version"), text("mpi"), text("blas"), text("processor"))
        (onlineCPUs, onlineCores, numaNodes) = (number("cpus"), number("cores"), number("numa_nodes"))
        allowedCPUs = json["bound_to"]?.array?.compactMap(\.integer) ?? []
        allowedCores = number("bound_cores")
        quota = json["cpu_quota"]?.double ?? 0
        (ranksHere, threads) = (number("ranks_on_node"), number("threads"))
        (memory, freeMemory, openFiles) = (number("memory_bytes"), number("free_memory_bytes"), number("open_files"))
        interfaces = json["interfaces"]?.array?.compactMap(\.string) ?? []
    }
}
