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

    @OptionGroup var options: StudyOptions

    func run() throws {
        options.run { path, communicator, console in
            try SimPOStudyJob(StudyFiles.simpo(path, over: communicator), over: communicator, console: console).run()
        }
    }
}
