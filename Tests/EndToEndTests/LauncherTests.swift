import Scratch
import Storage
import Testing

extension EndToEnd {
    /// Launchers that don't make their processes ranks of one job, each seen by one of those processes.
    @Suite struct LauncherTests {
        /// The variables that such a launcher puts into the environment of one of four processes.
        private static func variables(_ launcher: String, rank: Int) -> [String: String] {
            switch launcher {
            case "srun":
                ["SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "\(rank)"]
            case "MPICH": ["PMI_SIZE": "4", "PMI_RANK": "\(rank)", "MPI_LOCALNRANKS": "4"]
            default: ["OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "\(rank)"]
            }
        }

        @Test(
            "no command begins; one of the processes says why, and nothing is written",
            arguments: ["srun", "MPICH", "mpirun"])
        func refused(launcher: String) throws {
            let toy = try Toy()
            let run = try toy.runFile()
            let scores = toy.folder.file("scores.jsonl")
            let commands = [
                ["train", run],
                [
                    "score", "--model", Goldens.model("gqa-untied"), "--data", try toy.pairs(3, as: "rows.jsonl"),
                    "--output", scores,
                ], ["inspect", run],
                ["example", toy.folder.file("example")],
            ]
            for command in commands {
                for rank in [0, 3] {
                    let ending = try Program.run(
                        command, in: toy.folder.path, variables: LauncherTests.variables(launcher, rank: rank))
                    #expect(ending.status == 2 && ending.output.isEmpty, "\(command[0]): \(ending.errors)")
                    #expect(ending.messages.count == (rank == 0 ? 1 : 0), "\(command[0]): \(ending.errors)")
                    if rank == 0 {
                        #expect(ending.says("started 4") && ending.says("a job of its own"), "\(ending.errors)")
                    }
                }
            }
            #expect(!FileSystem.exists(toy.output) && !FileSystem.exists(scores))
            #expect(!FileSystem.exists(toy.folder.file("example")))
        }

        @Test("doctor says it in its report, once, with status 2") func doctor() throws {
            let toy = try Toy()
            for rank in [0, 2] {
                let ending = try Program.run(
                    ["doctor", "--output", toy.folder.path], variables: LauncherTests.variables("srun", rank: rank))
                #expect(ending.status == 2 && ending.errors.isEmpty, "\(ending.errors)")
                #expect(ending.output.contains("started by srun without PMIx") == (rank == 0), "\(ending.output)")
                #expect(ending.output.contains("warning: srun started 4 tasks") == (rank == 0))
            }
        }

        @Test("one process inside a job of Slurm is a job of one") func single() throws {
            let toy = try Toy()
            let ending = try Program.run(
                ["train", try toy.runFile(["max_steps": 1])],
                variables: ["SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_PROCID": "0"])
            #expect(ending.status == 0, "\(ending.errors)")
        }

        @Test(
            "a misspelt command is said to be one, with the nearest",
            arguments: [("trian", "train"), ("inpsect", "inspect"), ("merg", "merge"), ("scores", "score")])
        func misspelt(word: String, meant: String) throws {
            for rest in [[], ["run.yaml"]] {
                let ending = try Program.run([word] + rest)
                #expect(ending.status == 2)
                #expect(
                    lines(of: ending.errors) == [
                        "swift-prefopt: \(word): neither a command nor a run file; did you mean \(meant)?"
                    ])
            }
        }
    }
}
