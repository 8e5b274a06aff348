import Liveness
import Testing

@Suite("What started a process") struct LauncherTests {
    private func launcher(_ variables: [String: String]) -> Launcher { Launcher { variables[$0] } }

    private func fault(_ variables: [String: String], worldSize: Int = 1) -> String? {
        launcher(variables).fault(worldSize: worldSize, library: "Open MPI v4.1.4")
    }

    @Test(
        "one process is a job of one, wherever it was started",
        arguments: [
            [:],
            // A shell of salloc, a batch script: the job's tasks are yet to be started.
            ["SLURM_JOB_ID": "1", "SLURM_NTASKS": "8", "SLURM_NPROCS": "8", "SLURM_PROCID": "0", "SLURM_NNODES": "2"],
            [
                "SLURM_JOB_ID": "1", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "1", "SLURM_NTASKS": "8",
                "SLURM_PROCID": "0",
            ],
            ["PMI_SIZE": "1", "PMI_RANK": "0", "MPI_LOCALNRANKS": "1"],
            ["TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "1", "RANK": "0"],
            // Set by many a script, and by no launcher.
            ["WORLD_SIZE": "8", "RANK": "3"],
        ] as [[String: String]])
    func single(variables: [String: String]) {
        let found = launcher(variables)
        #expect(found.kind == .none && found.isFirst && found.name == "none: a job of one rank")
        #expect(fault(variables) == nil)
    }

    @Test(
        "Open MPI's launchers connect, also inside Slurm",
        arguments: [
            ["OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "2", "PMIX_RANK": "2"],
            [
                "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "2", "SLURM_STEP_NUM_TASKS": "2",
                "SLURM_JOB_ID": "1",
            ],
            [
                "PMIX_RANK": "2", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "2",
                "SLURM_JOB_ID": "1",
            ],
            // As an older Slurm has it.
            ["PMIX_RANK": "2", "SLURM_STEPID": "0", "SLURM_NTASKS": "4", "SLURM_PROCID": "2", "SLURM_JOB_ID": "1"],
        ])
    func connected(variables: [String: String]) {
        let found = launcher(variables)
        #expect(found.kind.connects && found.size == 4 && found.rank == 2 && !found.isFirst)
        #expect(fault(variables, worldSize: 4) == nil)
        let text = fault(variables) ?? ""
        #expect(text.contains("started 4 processes, but Open MPI v4.1.4 finds 1 rank: "), "\(text)")
        #expect(text.contains("another MPI than the program"), "\(text)")
    }

    @Test(
        "launchers that Open MPI learns nothing from are named, with what to use in their place",
        arguments: [
            (
                ["SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "1"], "srun started 4 tasks",
                "srun --mpi=pmix"
            ),
            (["SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "1"], "srun started 4 tasks", "srun --mpi=pmix"),
            (
                ["SLURM_STEPID": "0", "SLURM_NTASKS": "4", "SLURM_PROCID": "1"], "srun started 4 tasks",
                "srun --mpi=pmix"
            ),
            (
                ["SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "1", "PMI_SIZE": "4", "PMI_RANK": "1", "PMI_FD": "5"],
                "srun started 4 tasks", "srun --mpi=pmix"
            ),
            (
                ["PMI_SIZE": "4", "PMI_RANK": "1"], "mpirun of MPICH or Intel MPI started 4 processes",
                "Open MPI's mpirun"
            ),
            (
                [
                    "PMI_SIZE": "4", "PMI_RANK": "1", "MPI_LOCALNRANKS": "2", "SLURM_STEP_NUM_TASKS": "2",
                    "SLURM_PROCID": "0",
                ],
                "mpirun of MPICH or Intel MPI started 4 processes", "Open MPI's mpirun"
            ),
            (
                ["MV2_COMM_WORLD_SIZE": "4", "MV2_COMM_WORLD_RANK": "1"], "MVAPICH's mpirun started 4 processes",
                "Open MPI's mpirun"
            ),
            (
                ["FLUX_JOB_SIZE": "4", "FLUX_TASK_RANK": "1", "PMI_RANK": "1"], "flux run started 4 processes",
                "Open MPI's mpirun"
            ),
            (
                ["TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "4", "RANK": "1"], "torchrun started 4 processes",
                "Open MPI's mpirun"
            ),
        ] as [([String: String], String, String)])
    func unconnected(variables: [String: String], says: String, remedy: String) {
        #expect(launcher(variables).size == 4 && launcher(variables).rank == 1 && !launcher(variables).isFirst)
        let text = fault(variables) ?? ""
        #expect(text.contains(says) && text.contains("a job of its own") && text.contains(remedy), "\(text)")
    }
}
