import Figures
import Machine
import Storage

/// The report's section on a run's time and memory, and on every attempt at it.
struct TimeSection {
    let html: String
    /// A row for each start of the program.
    let attempts: String

    private static let meanings: [String: String] = [
        "start": "starting the program and MPI", "data": "reading and encoding rows", "load": "loading the model",
        "score": "reference logps and margin rewards", "plan": "planning steps", "compute": "forward and backward",
        "wait": "waiting for other ranks", "reduce": "summing over ranks", "update": "the optimizer",
        "evaluate": "held-out evaluations", "save": "checkpoints", "log": "logs", "other": "all the rest",
    ]

    init(_ run: RunRecord) {
        html = Self.phases(run) + Self.ranks(run) + Self.memory(run)
        attempts = Self.attempts(run)
    }

    private static func phases(_ run: RunRecord) -> String {
        var order: [String] = []
        var seconds: [String: Double] = [:]
        for attempt in run.attempts {
            for (name, value) in attempt["phases"]?.object?.members ?? [] {
                if seconds[name] == nil { order.append(name) }
                seconds[name, default: 0] += value.double ?? 0
            }
        }
        let all = seconds.values.reduce(0, +)
        guard all > 0 else { return "" }
        var text = "<div class=\"scroll\" tabindex=\"0\"><table><caption>Seconds of rank 0 by phase, over all attempts</caption><thead><tr>"
        text += "<th scope=\"col\">phase</th><th scope=\"col\" class=\"n\">seconds</th><th scope=\"col\" class=\"n\">share</th>"
        text += "<th scope=\"col\"></th></tr></thead><tbody>\n"
        for name in order {
            let share = (seconds[name] ?? 0) / all
            text += "<tr><td>\(Markup.escaped(name)) <span class=\"pale\">\(meanings[name] ?? "")</span></td>"
            text += "<td class=\"n\">\(fixed(seconds[name] ?? 0, 2))</td><td class=\"n\">\(RunVerdict.percent(share))</td>"
            text += "<td><span class=\"bar\" style=\"width:\(fixed(160 * share, 1))px\"></span></td></tr>\n"
        }
        text += "<tr><th scope=\"row\">all</th><td class=\"n\">\(fixed(all, 2))</td><td class=\"n\"></td><td></td></tr></tbody></table></div>\n"
        return text
    }

    private static func ranks(_ run: RunRecord) -> String {
        guard let waits = run.attempts.last?["rank_wait_seconds"]?.array?.compactMap(\.double), waits.count > 1 else {
            return ""
        }
        var figure = Figure(
            "Waiting of ranks", note: "Seconds in which a rank waited for the slowest one; the last attempt.",
            x: Axis("rank"), y: Axis("seconds", including: [0]))
        figure.size = .inPage
        figure.histogram(
            "", edges: (0...waits.count).map { Double($0) - 0.5 }, counts: waits, colour: 0)
        return Page.figures([figure])
    }

    private static func memory(_ run: RunRecord) -> String {
        guard let attempt = run.attempts.last(where: { $0["rank_peak_memory_bytes"] != nil }),
            let peak = attempt["rank_peak_memory_bytes"]?.array?.compactMap(\.integer).max()
        else { return "" }
        let forecast = attempt["memory_forecast_bytes"]?.integer.map { "; the forecast was \(readableBytes($0))" } ?? ""
        return Page.paragraph("Memory: the largest rank had \(readableBytes(peak)) at its peak\(forecast).")
    }

    private static func attempts(_ run: RunRecord) -> String {
        let rows = run.attempts.enumerated().map { place, attempt in
            let (first, last) = (attempt["first_step"]?.integer ?? 0, attempt["last_step"]?.integer ?? 0)
            return [
                "\(place + 1)", attempt["start"]?.string ?? "", attempt["end"]?.string ?? "",
                attempt["outcome"]?.string ?? "", last < first ? "none" : "\(first)–\(last)",
                "\(attempt["ranks"]?.integer ?? 1) × \(attempt["threads_per_rank"]?.integer ?? 1)",
                (attempt["hosts"]?.array ?? []).compactMap(\.string).joined(separator: ", "),
                (attempt["cpu_levels"]?.array ?? []).compactMap(\.string).joined(separator: ", "),
                "\(attempt["version"]?.string ?? "") (\(attempt["commit"]?.string ?? ""))",
                attempt["mpi"]?.string ?? "",
                (attempt["command"]?.array ?? []).compactMap(\.string).joined(separator: " "),
            ]
        }
        return Page.table(
            [
                "", "start (UTC)", "end", "outcome", "steps", "ranks × threads", "hosts", "CPU level", "version", "MPI",
                "command",
            ], rows)
    }
}
