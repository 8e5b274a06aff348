import Collectives
import Liveness
import Machine
import RunFiles
import Storage
import Training

extension Trainer {
    /// The main job from its run file to `final/`.
    ///
    /// - Parameters:
    ///   - sharing: what runs of the same job have in common.
    ///   - afterStep: called with the steps done and those of the whole run.
    /// - Throws: `TrainingError` or `SharedFailure` on every rank alike. Collective.
    package static func run(
        _ file: RunFile, resume: Resume, over communicator: Communicator, console: Console,
        sharing: SharedInputs? = nil, afterStep: @escaping (Int, Int) throws -> Void = { _, _ in }
    ) throws {
        StopSignal.listen()
        if let seconds = file.machine.hangTimeout { RunProgress.hangTimeout = seconds }
        let output = try communicator.failingTogether { try file.requiredOutputDirectory() }
        var folder: RunFolder?
        let found = try communicator.onRoot { () throws -> String? in
            try file.makeFolder(output, of: "output_dir")
            let opened = try RunFolder(output)
            let checkpoint = try opened.find(resume, console: console)
            folder = consume opened
            return checkpoint
        }
        let checkpoint = communicator.broadcast((found ?? nil) ?? "")
        let run = try TrainingRun(file, over: communicator, console: console, sharing: sharing)
        let plan = SavePlan(run, toCome: RunSummary.bytesToCome(run))
        let summary = RunSummary(run, saving: plan)
        for line in summary.lines + run.warnings { console.line(line) }
        let trainer = try Trainer(
            run, saving: plan, outputDirectory: output, resumingFrom: checkpoint.isEmpty ? nil : checkpoint,
            afterStep: afterStep)
        trainer.memoryForecast = summary.forecast
        let reports = file.records.writesReport
        if reports {
            try communicator.failingTogether { if communicator.isRoot { try DataRecord.write(run, to: output) } }
        }
        try trainer.train()
        console.line(summary.memoryLine)
        if reports {
            try ExtremePairs.write(trainer, of: run, to: output)
            if communicator.isRoot {
                // The model is saved: a page that can't be written is no reason to fail.
                do {
                    if let page = try ReportJob.run([output], output: nil).page { console.line("report: \(page)") }
                } catch {
                    console.line("report: not written: \(error)")
                }
            }
        }
        folder.take()?.close()
    }
}
