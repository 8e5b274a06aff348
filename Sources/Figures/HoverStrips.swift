/// Invisible strips over a plot of curves that say on hover what the curves are there.
enum HoverStrips {
    private static let most = 100

    static func drawn(_ figure: Figure, _ layout: FigureLayout) -> [String] {
        let series: [(name: String, points: [(x: Double, y: Double)])] = figure.marks.compactMap {
            guard case .line(let line) = $0 else { return nil }
            return (line.name, line.points.filter { $0.y.isFinite && layout.x($0.x) != nil })
        }
        let pixels = Set(series.flatMap { $0.points.compactMap { layout.x($0.x) } }).sorted()
        guard let first = pixels.first, let last = pixels.last else { return [] }
        // A strip for each place with a point if there are few, else strips of one width.
        var edges: [Double]
        if pixels.count <= most {
            edges = [layout.left] + zip(pixels, pixels.dropFirst()).map { ($0 + $1) / 2 } + [layout.right]
        } else {
            let width = (last - first) / Double(most)
            edges = (0...most).map { first + width * Double($0) }
            edges[most] += 0.01
        }
        edges = edges.map { min(max($0, layout.left), layout.right + 0.01) }
        var texts = [[String]](repeating: [], count: edges.count - 1)
        var spans = [(low: Double, high: Double)?](repeating: nil, count: edges.count - 1)
        for (name, points) in series {
            var sums = [(sum: Double, count: Int)](repeating: (0, 0), count: texts.count)
            var strip = 0
            for point in points.sorted(by: { $0.x < $1.x }) {
                guard let pixel = layout.x(point.x) else { continue }
                while strip < texts.count - 1, pixel >= edges[strip + 1] { strip += 1 }
                sums[strip] = (sums[strip].sum + point.y, sums[strip].count + 1)
                let span = spans[strip] ?? (point.x, point.x)
                spans[strip] = (min(span.low, point.x), max(span.high, point.x))
            }
            for (strip, (sum, count)) in sums.enumerated() where count > 0 {
                let label = name.isEmpty ? figure.y.title : name
                texts[strip].append(
                    "\(label): \(NumberText.short(sum / Double(count)))" + (count > 1 ? " (mean of \(count))" : ""))
            }
        }
        return texts.indices.compactMap { index in
            guard let span = spans[index], edges[index + 1] > edges[index] else { return nil }
            let place =
                span.low == span.high
                ? NumberText.short(span.low, digits: 7)
                : "\(NumberText.short(span.low, digits: 7)) to \(NumberText.short(span.high, digits: 7))"
            let title = (["\(figure.x.title) \(place)"] + texts[index]).joined(separator: "\n")
            return Markup.element(
                "rect",
                [
                    "class": "hover", "fill-opacity": "0", "x": NumberText.pixel(edges[index]),
                    "y": NumberText.pixel(layout.top), "width": NumberText.pixel(edges[index + 1] - edges[index]),
                    "height": NumberText.pixel(layout.bottom - layout.top),
                ], Markup.element("title", [:], Markup.escaped(title)))
        }
    }
}
