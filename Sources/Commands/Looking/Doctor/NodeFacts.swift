import Collectives
import Glibc
import Kernels
import Machine
import Storage
import Training
import Yardsticks

/// Facts that a rank finds about its node. They travel to rank 0 as JSON.
package struct NodeFacts: Equatable {
    var host = hostName()
    var version = programVersion
    var library = Communicator.libraryVersion
    var blas = BLAS.description()
    var blasCore = BLAS.core
    /// The best CPU level that the node has, and the one in use.
    var bestLevel = CPULevel.best
    var level = CPULevel.inUse
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
    /// Ranks on this node, and threads that a rank would take.
    var ranksHere = 1
    var threads = 1
    /// Bytes.
    var memory = 0
    var freeMemory = 0
    var openFiles = 0
    var interfaces: [String] = []

    /// - Parameter threads: of a rank, if the run says so.
    init(threads given: Int?, over communicator: Communicator) {
        let processors = Processors()
        processor = TextFile("/proc/cpuinfo").text("model name") ?? "unknown"
        onlineCPUs = processors.online.count
        allowedCPUs = processors.allowed
        allowedCores = processors.allowedCores
        onlineCores = processors.onlineCores
        numaNodes = processors.numaNodes
        quota = ControlGroup().processors ?? 0
        ranksHere = communicator.neighbourhood.ranks
        threads = given ?? communicator.neighbourhood.cores
        memory = Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE)))
        freeMemory = FreeMemory.bytes()
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        openFiles = Int(clamping: limit.rlim_cur)
        interfaces = NetworkInterface.all().filter { !$0.isLoopback }.map(\.description)
    }

    // MARK: - Travelling

    var json: JSONObject {
        [
            "host": .string(host), "version": .string(version), "mpi": .string(library), "blas": .string(blas),
            "blas_kernels": .string(blasCore), "processor": .string(processor),
            "cpu_level_best": .string(bestLevel.rawValue), "cpu_level": .string(level.rawValue),
            "cpus": .integer(onlineCPUs), "cores": .integer(onlineCores),
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
        blasCore = text("blas_kernels")
        bestLevel = CPULevel(rawValue: text("cpu_level_best")) ?? .v3
        level = CPULevel(rawValue: text("cpu_level")) ?? .v3
        allowedCPUs = json["bound_to"]?.array?.compactMap(\.integer) ?? []
        allowedCores = number("bound_cores")
        quota = json["cpu_quota"]?.double ?? 0
        (ranksHere, threads) = (number("ranks_on_node"), number("threads"))
        (memory, freeMemory, openFiles) = (number("memory_bytes"), number("free_memory_bytes"), number("open_files"))
        interfaces = json["interfaces"]?.array?.compactMap(\.string) ?? []
    }
}
