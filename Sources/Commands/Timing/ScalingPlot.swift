import Machine

/// Speed-up over ranks as an SVG picture: every trial a dot, the fastest of each number of ranks joined, and the line that
/// perfect scaling would be.
struct ScalingPlot {
    let svg: String

    private static let (width, height) = (640.0, 440.0)
    private static let (left, right, top, bottom) = (70.0, 24.0, 56.0, 60.0)

    init(_ report: ScalingReport) {
        let ranks = Set(report.rows.map(\.trial.ranks)).sorted()
        let most = Double(ranks.last ?? 1)
        let highest = max(most, report.rows.map(\.speedUp).max() ?? 1)
        let (plotWidth, plotHeight) = (
            ScalingPlot.width - ScalingPlot.left - ScalingPlot.right,
            ScalingPlot.height - ScalingPlot.top - ScalingPlot.bottom
        )
        // A little room at both ends of either axis.
        let (reach, ceiling) = (most + 0.5, highest * 1.08)
        func x(_ ranks: Double) -> String { fixed(ScalingPlot.left + plotWidth * ranks / reach, 1) }
        func y(_ speedUp: Double) -> String { fixed(ScalingPlot.top + plotHeight * (1 - speedUp / ceiling), 1) }

        var parts = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 440\" width=\"640\" height=\"440\" "
                + "font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">",
            "<rect width=\"640\" height=\"440\" fill=\"white\"/>",
            "<text x=\"70\" y=\"26\" font-size=\"16\">Speed-up of a step of \(report.pairs) pairs</text>",
            "<text x=\"70\" y=\"44\" fill=\"#666\">against one rank's fastest; labels: efficiency, micro-batches a rank</text>",
        ]

        // Axes.
        for tick in ScalingPlot.ticks(upTo: ceiling) {
            parts.append(
                "<path d=\"M\(x(0)) \(y(tick))H\(x(reach))\" stroke=\"#e4e4e4\"/>"
                    + "<text x=\"62\" y=\"\(y(tick))\" dy=\"4\" text-anchor=\"end\">\(ScalingPlot.short(tick))</text>")
        }
        var lastLabel = -1.0
        for count in ranks {
            parts.append("<path d=\"M\(x(Double(count))) \(y(0))v5\" stroke=\"#222\"/>")
            // Labels of few ranks run into each other where there are many.
            guard Double(count) - lastLabel >= most / 24 else { continue }
            lastLabel = Double(count)
            parts.append(
                "<text x=\"\(x(Double(count)))\" y=\"\(y(0))\" dy=\"20\" text-anchor=\"middle\">\(count)</text>")
        }
        parts += [
            "<path d=\"M\(x(0)) \(y(ceiling))V\(y(0))H\(x(reach))\" fill=\"none\" stroke=\"#222\"/>",
            "<text x=\"\(fixed(ScalingPlot.left + plotWidth / 2, 1))\" y=\"428\" text-anchor=\"middle\">ranks</text>",
            "<text transform=\"translate(22 \(fixed(ScalingPlot.top + plotHeight / 2, 1))) rotate(-90)\" "
                + "text-anchor=\"middle\">speed-up</text>",
        ]

        // Perfect scaling, then what was measured.
        parts.append(
            "<path d=\"M\(x(0)) \(y(0))L\(x(most)) \(y(most))\" stroke=\"#999\" stroke-dasharray=\"6 4\" fill=\"none\"/>"
        )
        parts.append(
            "<text x=\"\(x(most * 0.5))\" y=\"\(y(most * 0.5))\" dx=\"-8\" dy=\"-8\" text-anchor=\"end\" fill=\"#777\">ideal</text>"
        )
        for row in report.rows {
            parts.append(
                "<circle cx=\"\(x(Double(row.trial.ranks)))\" cy=\"\(y(row.speedUp))\" r=\"3.5\" fill=\"#9dbfe0\"/>")
        }
        let joined = report.fastest.map { "\(x(Double($0.trial.ranks))) \(y($0.speedUp))" }.joined(separator: "L")
        parts.append("<path d=\"M\(joined)\" fill=\"none\" stroke=\"#1f6fb4\" stroke-width=\"2\"/>")
        for row in report.fastest {
            let (cx, cy) = (x(Double(row.trial.ranks)), y(row.speedUp))
            // Below the line, and inside the picture.
            let isLast = row.trial.ranks == ranks.last && ranks.count > 1
            parts.append(
                "<circle cx=\"\(cx)\" cy=\"\(cy)\" r=\"5\" fill=\"#1f6fb4\"/>"
                    + "<text x=\"\(cx)\" y=\"\(cy)\" dx=\"\(isLast ? 4 : 8)\" dy=\"22\" text-anchor=\"\(isLast ? "end" : "start")\">"
                    + "\(fixed(100 * row.efficiency, 0)) %, \(row.trial.accumulation)</text>")
        }
        parts.append("</svg>")
        svg = parts.joined(separator: "\n") + "\n"
    }

    /// Four to ten round numbers.
    private static func ticks(upTo highest: Double) -> [Double] {
        var step = 0.25
        var factor = 0
        while highest / step > 9 {
            step *= factor == 1 ? 2.5 : 2
            factor = (factor + 1) % 3
        }
        return Array(stride(from: 0, through: highest, by: step))
    }

    private static func short(_ value: Double) -> String {
        value == value.rounded() ? fixed(value, 0) : fixed(value, value * 2 == (value * 2).rounded() ? 1 : 2)
    }
}
