import Collectives
import Kernels
import Liveness
import Machine
import Modeling
import Preferences
import RunFiles
import Storage
import Training
import Yardsticks

/// `bench`: what a training step of a run costs here. Beside it stands what its necessary arithmetic would cost at the peak
/// of the CPU's multiply-adds, measured in the same process in turn with the steps.
package enum BenchJob {
    /// Takes one step unmeasured and `steps` measured ones. Saves nothing.
    ///
    /// - Throws: on every rank alike. Collective.
    package static func run(
        _ file: RunFile, steps: Int, over communicator: Communicator, console: Console
    ) throws -> Report {
        let run = try TrainingRun(file, over: communicator, console: console, mayBeBare: true)
        for line in RunSummary(run).lines { console.line(line) }
        let learner = try run.learner()
        var clock = PhaseClock()
        _ = try learner.step(run.planner.plan(step: 0), clock: &clock)
        clock = PhaseClock()

        var (pairs, tokens, flops, seconds) = (0, 0, 0.0, 0.0)
        var (peaks, products): ([Double], [Double]) = ([], [])
        for step in 1...steps {
            peaks.append(Peak.measure(on: run.pool))
            products.append(BLAS.measure(on: run.pool))
            communicator.barrier()
            let plan = run.planner.plan(step: step)
            let start = SteadyClock.now()
            _ = try learner.step(plan, clock: &clock)
            seconds += SteadyClock.now() - start
            pairs += plan.judgements.count
            tokens += plan.rows
            flops += necessaryFLOPs(of: plan, run)
        }
        // The ranks measure at the same time, so the sum is what they have together.
        var roofs = [peaks, products].map { $0.sorted()[$0.count / 2] }
        communicator.sum(&roofs)
        return report(
            run, pairs: pairs, tokens: tokens, flops: flops, seconds: seconds, peak: roofs[0], sgemm: roofs[1],
            clock: clock, steps: steps)
    }

    /// The arithmetic that a step can't do without, in multiply-adds counted as two operations:
    ///
    ///     6 · (block parameters · rows + D · V · scored tokens + 2 · H · E · L · (query, key) pairs)
    ///
    /// Forward is a third of it. Rows are those of prompts once and responses; a response's last token has none. Prompt
    /// rows count in the last block for keys and values only. Embedding look-ups, norms and the update are not counted.
    /// Frozen matrices have no gradient: 4 in place of 6 for the first two terms; their adapters' parameters come at 6.
    static func necessaryFLOPs(of plan: StepPlan, _ run: TrainingRun) -> Double {
        let a = run.policy.architecture
        let isFrozen = run.policy.frozen != nil
        // Two operations for each of a product's passes: forward, by its input, by its weights.
        let matrix = isFrozen ? 4.0 : 6.0
        let adapters = isFrozen ? Double(run.trained.count) : 0
        var flops = 0.0
        for microBatch in plan.microBatches {
            for sequence in run.train.set.packed(microBatch) {
                let prompt = Double(sequence.prompt.count)
                var attended = prompt * (prompt + 1) / 2
                for response in sequence.responses {
                    let rows = Double(response.tokens.count - 1)
                    attended += rows * prompt + rows * (rows + 1) / 2
                }
                // In the last block the prompt's rows but one need neither queries nor anything after them.
                let spared = prompt - 1
                let lastBlock = Double(a.width * (2 * a.queryWidth + a.hiddenWidth + a.feedForward))
                flops += matrix * (Double(a.blockParameters) * Double(sequence.rows) - lastBlock * spared)
                flops += matrix * Double(a.width * a.vocabulary) * Double(sequence.scoredRows)
                flops += 12 * Double(a.queryWidth) * (Double(a.layers) * attended - spared * (spared + 1) / 2)
                flops += 6 * adapters * Double(sequence.rows)
            }
        }
        return flops
    }

    private static func report(
        _ run: TrainingRun, pairs: Int, tokens: Int, flops: Double, seconds: Double, peak: Double, sgemm: Double,
        clock: PhaseClock, steps: Int
    ) -> Report {
        let rate = flops / seconds / 1e9
        let memory = RunSummary.memory(of: run)
        let forecast = memory.reduce(0) { $0 + $1.bytes }
        var json: JSONObject = [
            "world_size": .integer(run.communicator.size), "threads_per_rank": .integer(run.threads),
            "steps": .integer(steps),
            "pairs_per_second": .number(Double(pairs) / seconds),
            "tokens_per_second": .number(Double(tokens) / seconds),
            "seconds_per_step": .number(seconds / Double(steps)),
            "necessary_gflop_per_step": .number(flops / Double(steps) / 1e9),
            "cpu_level": .string(run.pool.level.rawValue),
            "gflop_per_second": .number(rate), "roof_gflop_per_second": .number(peak),
            "share_of_roof": .number(rate / peak), "sgemm_gflop_per_second": .number(sgemm),
            "sgemm_kernels": .string(BLAS.core),
        ]
        var phases = JSONObject()
        for phase in Phase.allCases { phases[phase.rawValue] = clock.total[phase].map { .number($0 / Double(steps)) } }
        json["seconds_per_phase"] = .object(phases)
        var parts = JSONObject()
        for part in memory { parts[part.name] = .integer(part.bytes) }
        json["memory_forecast_bytes"] = .object(parts)
        json["memory_peak_bytes"] = .integer(PeakMemory.bytes())

        let lines =
            [
                "pairs/s      \(fixed(Double(pairs) / seconds, 3))",
                "tokens/s     \(fixed(Double(tokens) / seconds, 1))",
                "step         \(fixed(seconds / Double(steps), 3)) s",
                "necessary    \(fixed(flops / Double(steps) / 1e9, 2)) GFLOP a step = \(fixed(rate, 1)) GFLOP/s",
                "peak         \(fixed(peak, 1)) GFLOP/s of multiply-adds in registers, \(run.pool.level.description), between the steps",
                "share        \(fixed(100 * rate / peak, 1)) % of the peak\(BenchJob.remark(rate, of: peak, run.pool.arithmetic))",
                "sgemm        \(fixed(sgemm, 1)) GFLOP/s, OpenBLAS with \(BLAS.core) kernels, between the steps",
                "memory       forecast \(readableBytes(forecast)) of arrays a rank, peak \(readableBytes(PeakMemory.bytes())) of the process",
            ] + clock.table(steps: steps)
        return Report(json: json, lines: lines)
    }

    /// The remark on a share of the peak, which is float32's.
    private static func remark(_ rate: Double, of peak: Double, _ arithmetic: Arithmetic) -> String {
        if arithmetic == .bfloat16 { return " of float32; units of bfloat16 have up to 16 times as much" }
        return rate > peak ? ": the machine was busier while the peak was measured than while the steps ran" : ""
    }
}
