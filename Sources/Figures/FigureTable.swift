extension Figure {
    /// The numbers of the figure as CSV: series, x, y, and the ends of bands and error bars where there are some. A
    /// histogram's bin is x_low to x_high, its count y. Numbers are written in full.
    package var csv: String { csv(Self.number) }

    /// The same with numbers of seven digits, for a page that is to stay small.
    package var shortCSV: String { csv { NumberText.plain($0) } }

    private func csv(_ number: (Double) -> String) -> String {
        var rows = ["series,x,y,x_low,x_high,y_low,y_high,label"]
        func add(
            _ name: String, x: Double? = nil, y: Double? = nil, _ xs: ClosedRange<Double>? = nil,
            _ ys: ClosedRange<Double>? = nil, label: String = ""
        ) {
            let numbers = [x, y, xs?.lowerBound, xs?.upperBound, ys?.lowerBound, ys?.upperBound]
            rows.append(
                ([Self.cell(name)] + numbers.map { $0.map(number) ?? "" } + [Self.cell(label)])
                    .joined(separator: ","))
        }
        for mark in marks {
            switch mark {
            case .line(let line):
                for point in line.points { add(line.name, x: point.x, y: point.y) }
            case .band(let band):
                for edge in band.edges where edge.low <= edge.high {
                    add(band.name, x: edge.x, nil, edge.low...edge.high)
                }
            case .level(let level): add(level.name, y: level.y)
            case .moments(let moments):
                for position in moments.positions { add(moments.name, x: position) }
            case .points(let points):
                for point in points.points {
                    let label = point.label ?? point.note
                    add(points.name, x: point.x, y: point.y, point.xError, point.yError, label: label)
                }
            case .bars(let bars):
                for (index, count) in bars.counts.enumerated() {
                    add(bars.name, y: count, bars.edges[index]...bars.edges[index + 1])
                }
            }
        }
        return rows.joined(separator: "\n") + "\n"
    }

    private static func number(_ value: Double) -> String {
        guard value == value.rounded(), abs(value) < 1e15 else { return "\(value)" }
        return "\(Int(value))"
    }

    /// A cell after RFC 4180.
    private static func cell(_ text: String) -> String {
        guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
        return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
