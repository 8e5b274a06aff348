import Machine

/// The launcher of this process by its environment, which may make its processes ranks of one job.
package struct Launcher: Sendable, Equatable {
    /// The kinds of launchers.
    package enum Kind: Sendable, Equatable {
        /// A shell, or anything that starts a process by itself.
        case none
        case openMPI, pmix
        /// Launchers of several processes that Open MPI learns nothing from.
        case slurmWithoutPMIx, hydra, mvapich, flux, torchrun

        package var connects: Bool { [.none, .openMPI, .pmix].contains(self) }
    }

    package let kind: Kind
    /// Processes that it started, as far as it says.
    package let size: Int?
    /// This one's number among them.
    package let rank: Int?
    private let isInSlurm: Bool

    /// - Parameter variable: gives an environment variable that is set and not empty.
    package init(_ variable: (String) -> String? = environment) {
        func number(_ names: String...) -> Int? { names.compactMap { variable($0).flatMap { Int($0) } }.first }
        isInSlurm = variable("SLURM_JOB_ID") != nil
        let isInStep = variable("SLURM_STEP_ID") != nil || variable("SLURM_STEPID") != nil
        // A batch script has SLURM_NTASKS too, and is one process.
        let tasks = number("SLURM_STEP_NUM_TASKS") ?? (isInStep ? number("SLURM_NTASKS", "SLURM_NPROCS") : nil)
        let candidates: [(kind: Kind, isPresent: Bool, size: Int?, rank: Int?)] = [
            (
                .openMPI, variable("OMPI_COMM_WORLD_SIZE") != nil, number("OMPI_COMM_WORLD_SIZE"),
                number("OMPI_COMM_WORLD_RANK")
            ),
            (.pmix, variable("PMIX_RANK") != nil, tasks, number("PMIX_RANK")),
            // MPICH's and Intel MPI's mpirun; inside Slurm it uses srun itself to get to the nodes.
            (.hydra, variable("MPI_LOCALNRANKS") != nil, number("PMI_SIZE"), number("PMI_RANK")),
            (.slurmWithoutPMIx, tasks != nil, tasks, number("SLURM_PROCID")),
            (.flux, variable("FLUX_TASK_RANK") != nil, number("FLUX_JOB_SIZE"), number("FLUX_TASK_RANK")),
            (.hydra, variable("PMI_RANK") != nil, number("PMI_SIZE"), number("PMI_RANK")),
            (
                .mvapich, variable("MV2_COMM_WORLD_RANK") != nil, number("MV2_COMM_WORLD_SIZE"),
                number("MV2_COMM_WORLD_RANK")
            ),
            (.torchrun, variable("TORCHELASTIC_RUN_ID") != nil, number("WORLD_SIZE"), number("RANK")),
        ]
        // One process is a job of one, whoever starts it.
        let found = candidates.first { $0.isPresent && ($0.kind.connects || ($0.size ?? 1) > 1) }
        (kind, size, rank) = (found?.kind ?? .none, found?.size, found?.rank)
    }

    /// Whether this process speaks for those that were started with it, before MPI can say so.
    package var isFirst: Bool { (rank ?? 0) == 0 }

    /// For a table.
    package var name: String {
        switch kind {
        case .none: "none: a job of one rank"
        case .openMPI: isInSlurm ? "mpirun in a Slurm job" : "mpirun"
        case .pmix: isInSlurm ? "srun (PMIx)" : "a PMIx launcher"
        case .slurmWithoutPMIx: "srun without PMIx"
        case .hydra: "mpirun of MPICH or Intel MPI"
        case .mvapich: "MVAPICH's mpirun"
        case .flux: "flux run"
        case .torchrun: "torchrun"
        }
    }

    /// Why the processes that were started together aren't the ranks of one job, with the remedy; nil if they are.
    ///
    /// - Parameters:
    ///   - worldSize: ranks that MPI found.
    ///   - library: the MPI library as it names itself.
    package func fault(worldSize: Int, library: String) -> String? {
        guard let size, size > worldSize else { return nil }
        let separate =
            "each would be a job of its own over the same files. "
        switch kind {
        case .none: return nil
        case .openMPI, .pmix:
            return
                "\(name) started \(size) processes, but \(library) finds \(worldSize) rank\(worldSize == 1 ? "" : "s"): "
                + separate + "The launcher belongs to another MPI than the program: compare `mpirun --version` with "
                + "`ldd swift-prefopt | grep libmpi`, and use the mpirun of that library"
        case .slurmWithoutPMIx:
            return "srun started \(size) tasks that know nothing of each other: " + separate
                + "Start them by srun --mpi=pmix (srun --mpi=list shows what this Slurm has), or by mpirun inside salloc or "
                + "sbatch; for one process: srun --ntasks=1"
        case .hydra, .mvapich, .flux, .torchrun:
            return "\(name) started \(size) processes that \(library) can't join: " + separate
                + "Start them by Open MPI's mpirun (Debian: openmpi-bin; `mpirun --version` says whose it is)"
        }
    }
}
