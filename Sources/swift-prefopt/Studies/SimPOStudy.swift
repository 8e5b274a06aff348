import ArgumentParser
import Commands
import RunFiles

struct SimPOStudy: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simpo",
        abstract: "Whether rewards rank as likelihoods do, and follow lengths: DPO beside SimPO.",
        discussion: """
            Trains DPO, SimPO for several γ, and SimPO without length normalisation, or reads files of score alone; \
            correlates likelihood and length (Spearman), counts the pairs that reward and likelihood rank differently, and \
            times a step. study.yaml: base: run.yaml, output_dir: DIR, beta, gamma, gammas, sum_beta, dpo_beta; or \
            scores: {NAME: {file: F.jsonl, loss_type: sigmoid|simpo, beta: B}}. Without a file: the embedded example. \
            Writes points.jsonl, findings.md and figures.
            """)

    @Argument(help: .init("The study's file (YAML or JSON).", valueName: "study.yaml")) var path: String?
    @Flag(help: "The findings as one JSON object.") var json = false

    func run() throws {
        runJob { communicator, console in
            let study = try StudyFiles.simpo(path, over: communicator)
            let report = try SimPOStudyJob(study, over: communicator, console: console).run()
            if communicator.isRoot { print(report.text(asJSON: json)) }
        }
    }
}
