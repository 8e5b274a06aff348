/// Draws the marks of a figure within its plot.
struct MarkDrawing {
    let figure: Figure
    let layout: FigureLayout

    init(_ figure: Figure, _ layout: FigureLayout) { (self.figure, self.layout) = (figure, layout) }

    /// Everything that needs no hover of its own: areas first, dots last.
    var all: [String] {
        let marks = figure.marks
        return marks.compactMap { if case .bars(let bars) = $0 { drawn(bars) } else { nil } }
            + marks.compactMap { if case .band(let band) = $0 { drawn(band) } else { nil } }
            + marks.compactMap { if case .moments(let moments) = $0 { drawn(moments) } else { nil } }
            + marks.compactMap { if case .level(let level) = $0 { drawn(level) } else { nil } }
            + marks.compactMap { if case .line(let line) = $0, line.stroke == .faint { drawn(line) } else { nil } }
            + marks.compactMap { if case .line(let line) = $0, line.stroke != .faint { drawn(line) } else { nil } }
    }

    /// Bars and dots, above the strips of the curves: each says its own numbers.
    var hoverable: [String] {
        figure.marks.flatMap { if case .bars(let bars) = $0 { hovers(bars) } else { [String]() } }
            + figure.marks.compactMap { if case .points(let points) = $0 { drawn(points) } else { nil } }
            + labels
    }

    private func place(_ x: Double, _ y: Double) -> (x: Double, y: Double)? {
        guard let x = layout.x(x), let y = layout.y(y) else { return nil }
        return (x, y)
    }

    private static func pixel(_ value: Double) -> String { NumberText.pixel(value) }

    // MARK: - Signs that the legend shares

    static func coloured(_ colour: Int?, _ content: String) -> String {
        guard let colour else { return content }
        return Markup.element(
            "g", ["class": Palette.name(colour), "color": Palette.light(colour)], content)
    }

    static func path(_ path: String, _ stroke: Stroke) -> String {
        let look =
            switch stroke {
            case .solid, .dotted: "stroke-width=\"2\""
            case .faint: "stroke-width=\"1\" opacity=\"0.28\""
            case .dashed: "stroke-width=\"2\" stroke-dasharray=\"6 4\""
            }
        return "<path d=\"\(path)\" fill=\"none\" stroke=\"currentColor\" stroke-linejoin=\"round\" \(look)/>"
    }

    static func level(_ path: String) -> String {
        Markup.element(
            "path",
            ["d": path, "class": "moment", "stroke": "#59636e", "stroke-width": "1.5", "stroke-dasharray": "7 4", "fill": "none"])
    }

    static func moment(_ path: String, kind: Int) -> String {
        let dashes = ["none", "2 3", "6 2 1 2", "1 2", "9 3", "4 4"][kind % 6]
        return Markup.element(
            "path",
            [
                "d": path, "class": "moment", "stroke": "#59636e", "stroke-width": kind == 0 ? "1" : "1.5",
                "stroke-dasharray": dashes, "opacity": kind == 0 ? "0.55" : "1", "fill": "none",
            ])
    }

    /// A circle, a square, a triangle or a diamond, by its colour.
    static func dot(_ colour: Int, _ x: Double, _ y: Double, hover: String = "") -> String {
        let content = hover.isEmpty ? nil : Markup.element("title", [:], Markup.escaped(hover))
        let look = "fill=\"currentColor\" stroke=\"currentColor\""
        let (left, top) = (pixel(x - 4), pixel(y - 4))
        let shape =
            switch colour % 4 {
            case 0: "<circle cx=\"\(pixel(x))\" cy=\"\(pixel(y))\" r=\"4\" \(look)"
            case 1: "<rect x=\"\(left)\" y=\"\(top)\" width=\"8\" height=\"8\" \(look)"
            case 2: "<path d=\"M\(pixel(x)) \(pixel(y - 5))l5 9h-10z\" \(look)"
            default: "<path d=\"M\(pixel(x)) \(pixel(y - 5.5))l5.5 5.5l-5.5 5.5l-5.5 -5.5z\" \(look)"
            }
        let name = shape.dropFirst().prefix { $0 != " " }
        return content.map { "\(shape)>\($0)</\(name)>" } ?? "\(shape)/>"
    }

    // MARK: - Marks

    private func drawn(_ line: Line) -> String {
        var (path, pen) = ("", "M")
        var dots = ""
        for point in line.points {
            guard let (x, y) = place(point.x, point.y) else {
                pen = "M"
                continue
            }
            path += "\(pen)\(Self.pixel(x)) \(Self.pixel(y))"
            pen = "L"
            if line.stroke == .dotted, line.points.count <= 60 { dots += Self.dot(line.colour, x, y) }
        }
        return Self.coloured(line.colour, Self.path(path, line.stroke) + dots)
    }

    private func drawn(_ band: Band) -> String {
        let edges = band.edges.compactMap { edge -> (x: Double, low: Double, high: Double)? in
            guard let x = layout.x(edge.x), let low = layout.y(edge.low), let high = layout.y(edge.high) else {
                return nil
            }
            return (x, low, high)
        }
        guard !edges.isEmpty else { return "" }
        let there = edges.map { "\(Self.pixel($0.x)) \(Self.pixel($0.high))" }.joined(separator: "L")
        let back = edges.reversed().map { "\(Self.pixel($0.x)) \(Self.pixel($0.low))" }.joined(separator: "L")
        return Self.coloured(
            band.colour,
            Markup.element(
                "path", ["d": "M\(there)L\(back)Z", "fill": "currentColor", "fill-opacity": "0.18", "stroke": "none"]))
    }

    private func drawn(_ level: Level) -> String {
        guard let y = layout.y(level.y) else { return "" }
        return Self.level("M\(Self.pixel(layout.left)) \(Self.pixel(y))H\(Self.pixel(layout.right))")
    }

    private func drawn(_ moments: Moments) -> String {
        // More of them than can be told apart are drawn as short strokes at the top.
        let places = Set(moments.positions.compactMap { layout.x($0) }.map { $0.rounded() }).sorted()
        let end = places.count > 24 ? "v8" : "V\(Self.pixel(layout.bottom))"
        return Self.moment(places.map { "M\(Self.pixel($0)) \(Self.pixel(layout.top))\(end)" }.joined(), kind: moments.kind)
    }

    private func drawn(_ bars: Bars) -> String {
        guard let zero = layout.y(0) else { return "" }
        var path = ""
        for (index, count) in bars.counts.enumerated() where count > 0 {
            guard let (left, top) = place(bars.edges[index], count), let right = layout.x(bars.edges[index + 1]) else {
                continue
            }
            path += "M\(Self.pixel(left)) \(Self.pixel(zero))V\(Self.pixel(top))H\(Self.pixel(right))V\(Self.pixel(zero))Z"
        }
        return Self.coloured(
            bars.colour,
            Markup.element(
                "path", ["d": path, "fill": "currentColor", "fill-opacity": "0.35", "stroke": "currentColor"]))
    }

    private func hovers(_ bars: Bars) -> [String] {
        bars.counts.enumerated().compactMap { index, count in
            guard count > 0, let zero = layout.y(0), let (left, top) = place(bars.edges[index], count),
                let right = layout.x(bars.edges[index + 1])
            else { return nil }
            let (low, high) = (NumberText.short(bars.edges[index]), NumberText.short(bars.edges[index + 1]))
            let name = bars.name.isEmpty ? figure.y.title : bars.name
            return Markup.element(
                "rect",
                [
                    "class": "hover", "fill-opacity": "0", "x": Self.pixel(left), "y": Self.pixel(top),
                    "width": Self.pixel(right - left), "height": Self.pixel(zero - top),
                ],
                Markup.element(
                    "title", [:],
                    Markup.escaped("\(figure.x.title) \(low) to \(high)\n\(name): \(NumberText.short(count))")))
        }
    }

    private func drawn(_ points: Points) -> String {
        var (path, dots, pen) = ("", "", "M")
        for point in points.points {
            guard let (x, y) = place(point.x, point.y) else { continue }
            path += "\(pen)\(Self.pixel(x)) \(Self.pixel(y))"
            pen = "L"
            var bars = ""
            if let error = point.xError, let low = layout.x(error.lowerBound), let high = layout.x(error.upperBound) {
                bars += "M\(Self.pixel(low)) \(Self.pixel(y))H\(Self.pixel(high))"
                bars += "M\(Self.pixel(low)) \(Self.pixel(y - 3))v6M\(Self.pixel(high)) \(Self.pixel(y - 3))v6"
            }
            if let error = point.yError, let low = layout.y(error.lowerBound), let high = layout.y(error.upperBound) {
                bars += "M\(Self.pixel(x)) \(Self.pixel(low))V\(Self.pixel(high))"
                bars += "M\(Self.pixel(x - 3)) \(Self.pixel(low))h6M\(Self.pixel(x - 3)) \(Self.pixel(high))h6"
            }
            if !bars.isEmpty {
                dots += "<path d=\"\(bars)\" stroke=\"currentColor\" stroke-width=\"1.2\" fill=\"none\"/>"
            }
            dots += Self.dot(points.colour, x, y, hover: hover(point, of: points))
        }
        return Self.coloured(points.colour, (points.joined ? Self.path(path, .solid) : "") + dots)
    }

    private func hover(_ point: DataPoint, of points: Points) -> String {
        func text(_ axis: Axis, _ value: Double, _ error: ClosedRange<Double>?) -> String {
            if case .categories(let names) = axis.scale, names.indices.contains(Int(value)) { return names[Int(value)] }
            let ends = error.map { " (\(NumberText.short($0.lowerBound)) to \(NumberText.short($0.upperBound)))" } ?? ""
            return "\(axis.title): \(NumberText.short(value))\(ends)"
        }
        let name = [points.name, point.label ?? ""].filter { !$0.isEmpty }.joined(separator: ", ")
        return [name, text(figure.x, point.x, point.xError), text(figure.y, point.y, point.yError), point.note]
            .filter { !$0.isEmpty }.joined(separator: "\n")
    }

    // MARK: - Labels

    private var labels: [String] {
        let series = figure.marks.compactMap { if case .points(let points) = $0 { points } else { nil } }
        let dots = series.flatMap { $0.points.compactMap { place($0.x, $0.y) } }
        var places = LabelPlaces(
            plot: .init(left: layout.left, top: layout.top - 4, right: layout.right + 8, bottom: layout.bottom), dots: dots)
        for point in series.flatMap(\.points) {
            guard let dot = place(point.x, point.y) else { continue }
            if let error = point.xError, let low = layout.x(error.lowerBound), let high = layout.x(error.upperBound) {
                places.keepOff(.init(left: low, top: dot.y - 2, right: high, bottom: dot.y + 2))
            }
            if let error = point.yError, let low = layout.y(error.lowerBound), let high = layout.y(error.upperBound) {
                places.keepOff(.init(left: dot.x - 2, top: min(low, high), right: dot.x + 2, bottom: max(low, high)))
            }
        }
        return series.flatMap(\.points).compactMap { point in
            guard let label = point.label, let dot = place(point.x, point.y) else { return nil }
            let width = TextWidth.of(label, size: FigureLayout.smallSize)
            guard let place = places.place(width: width, height: 14, at: dot) else { return nil }
            let box = place.box
            let (x, y) = (Self.pixel((box.left + box.right) / 2), Self.pixel(box.bottom - 3))
            let text =
                "<text x=\"\(x)\" y=\"\(y)\" class=\"halo\" text-anchor=\"middle\" fill=\"#1f2328\" pointer-events=\"none\">"
                + "\(Markup.escaped(label))</text>"
            guard place.isFar else { return text }
            let (endX, endY) = (min(max(dot.x, box.left), box.right), min(max(dot.y, box.top), box.bottom))
            let leader = "M\(Self.pixel(dot.x)) \(Self.pixel(dot.y))L\(Self.pixel(endX)) \(Self.pixel(endY))"
            return "<path d=\"\(leader)\" class=\"moment\" stroke=\"#59636e\" stroke-width=\"0.8\" fill=\"none\"/>" + text
        }
    }
}
