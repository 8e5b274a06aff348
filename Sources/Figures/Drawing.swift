/// Writes a figure as SVG.
struct Drawing {
    let figure: Figure
    let layout: FigureLayout
    /// Of this figure in a page of several.
    let identity: String

    init(_ figure: Figure) {
        self.figure = figure.decimated
        layout = FigureLayout(figure)
        identity = "f" + Self.digest(figure.title + figure.note + self.figure.csv)
    }

    private static func digest(_ text: String) -> String {
        // FNV-1a: the same picture has the same name on every machine.
        let hash = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return String(hash, radix: 36)
    }

    var svg: String {
        let (width, height) = (NumberText.pixel(layout.width), NumberText.pixel(layout.height.rounded(.up)))
        let content = [
            Markup.element("title", ["id": "\(identity)t"], Markup.escaped(figure.title)),
            Markup.element("desc", ["id": "\(identity)d"], Markup.escaped(summary)),
            Palette.style,
            Markup.element("rect", ["class": "paper", "fill": "#fff", "width": width, "height": height]),
            Markup.element(
                "clipPath", ["id": "\(identity)c"],
                Markup.element(
                    "rect",
                    [
                        "x": pixel(layout.left - 6), "y": pixel(layout.top - 6),
                        "width": pixel(layout.right - layout.left + 12),
                        "height": pixel(layout.bottom - layout.top + 12),
                    ])),
            head, axes,
            Markup.element(
                "g", ["clip-path": "url(#\(identity)c)"],
                "\n" + MarkDrawing(figure, layout).all.joined(separator: "\n")),
            HoverStrips.drawn(figure, layout).joined(separator: "\n"),
            MarkDrawing(figure, layout).hoverable.joined(separator: "\n"),
        ]
        return Markup.element(
            "svg",
            [
                "xmlns": "http://www.w3.org/2000/svg", "class": "figure", "viewBox": "0 0 \(width) \(height)",
                "width": width, "height": height, "role": "img", "aria-labelledby": "\(identity)t \(identity)d",
                "font-family": "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif",
                "font-size": "12",
            ], "\n" + content.filter { !$0.isEmpty }.joined(separator: "\n") + "\n") + "\n"
    }

    /// The figure in words, for a reader who listens.
    private var summary: String {
        if !figure.summary.isEmpty { return figure.summary }
        let series = figure.marks.filter { !$0.isEmpty }.map { mark in
            let values = mark.ys
            guard let least = values.min(), let greatest = values.max() else { return mark.name }
            return "\(mark.name.isEmpty ? figure.y.title : mark.name): "
                + "\(NumberText.short(least)) to \(NumberText.short(greatest))"
        }
        return ([figure.note, "\(figure.y.title) over \(figure.x.title)."] + series).filter { !$0.isEmpty }
            .joined(separator: " ")
    }

    private func pixel(_ value: Double) -> String { NumberText.pixel(value) }

    // MARK: - Title and legend

    private var head: String {
        var parts: [String] = []
        var y = 8.0
        for line in layout.titleLines {
            y += 20
            parts.append(
                label(line, x: 8, y: y - 5, ["font-size": "15", "font-weight": "600", "fill": "#1f2328"]))
        }
        for line in layout.noteLines {
            y += 16
            parts.append(label(line, x: 8, y: y - 4, ["class": "pale", "fill": "#59636e"]))
        }
        for (entry, x, y) in layout.legend {
            parts.append(sign(entry, x: x, y: y + 8))
            parts.append(label(entry.name, x: x + LegendEntry.signWidth + 5, y: y + 12, ["fill": "#1f2328"]))
        }
        return parts.joined(separator: "\n")
    }

    private func sign(_ entry: LegendEntry, x: Double, y: Double) -> String {
        let across = "M\(pixel(x)) \(pixel(y))h\(pixel(LegendEntry.signWidth))"
        switch entry.sign {
        case .line(let stroke):
            let dot = stroke == .dotted ? MarkDrawing.dot(entry.colour ?? 0, x + LegendEntry.signWidth / 2, y) : ""
            return MarkDrawing.coloured(entry.colour, MarkDrawing.path(across, stroke) + dot)
        case .area:
            return MarkDrawing.coloured(
                entry.colour,
                Markup.element(
                    "rect",
                    [
                        "x": pixel(x + 3), "y": pixel(y - 6), "width": "16", "height": "12", "fill": "currentColor",
                        "fill-opacity": "0.35", "stroke": "currentColor",
                    ]))
        case .level: return MarkDrawing.level(across)
        case .moment(let kind): return MarkDrawing.moment("M\(pixel(x + 16)) \(pixel(y - 7))v14", kind: kind)
        case .dot(let joined):
            let dot = MarkDrawing.dot(entry.colour ?? 0, x + LegendEntry.signWidth / 2, y)
            return MarkDrawing.coloured(entry.colour, (joined ? MarkDrawing.path(across, .solid) : "") + dot)
        }
    }

    // MARK: - Axes

    private var axes: String {
        var parts: [String] = []
        let (left, right, top, bottom) = (layout.left, layout.right, layout.top, layout.bottom)
        let most = 0.42 * layout.width
        for (value, text) in layout.yTicks.marks {
            guard let y = layout.y(value) else { continue }
            parts.append(line("M\(pixel(left)) \(pixel(y))H\(pixel(right))", "grid", "#e3e6ea"))
            let short = TextWidth.cut(text, to: most, size: FigureLayout.smallSize)
            parts.append(label(short, x: left - 7, y: y + 4, ["text-anchor": "end", "fill": "#1f2328"]))
        }
        for (value, text) in layout.xTicks.marks {
            guard let x = layout.x(value) else { continue }
            parts.append(line("M\(pixel(x)) \(pixel(top))V\(pixel(bottom))", "grid", "#e3e6ea"))
            parts.append(line("M\(pixel(x)) \(pixel(bottom))v4", "axis", "#1f2328"))
            if layout.slantsNames {
                let short = TextWidth.cut(text, to: 130, size: FigureLayout.smallSize)
                parts.append(
                    Markup.element(
                        "text",
                        [
                            "transform": "translate(\(pixel(x + 4)) \(pixel(bottom + 14))) rotate(-38)",
                            "text-anchor": "end", "fill": "#1f2328",
                        ], Markup.escaped(short)))
            } else {
                parts.append(label(text, x: x, y: bottom + 17, ["text-anchor": "middle", "fill": "#1f2328"]))
            }
        }
        parts.append(line("M\(pixel(left)) \(pixel(top))V\(pixel(bottom))H\(pixel(right))", "axis", "#1f2328"))
        if !figure.x.title.isEmpty {
            parts.append(
                label(
                    figure.x.title, x: (left + right) / 2, y: layout.height - 6,
                    ["text-anchor": "middle", "fill": "#1f2328", "font-size": "13"]))
        }
        if !figure.y.title.isEmpty {
            let title = TextWidth.cut(figure.y.title, to: bottom - top + 20, size: FigureLayout.textSize)
            parts.append(
                Markup.element(
                    "text",
                    [
                        "transform": "translate(20 \(pixel((top + bottom) / 2))) rotate(-90)", "text-anchor": "middle",
                        "fill": "#1f2328", "font-size": "13",
                    ], Markup.escaped(title)))
        }
        return parts.joined(separator: "\n")
    }

    private func line(_ path: String, _ kind: String, _ colour: String) -> String {
        Markup.element("path", ["d": path, "class": kind, "stroke": colour, "fill": "none"])
    }

    private func label(_ text: String, x: Double, y: Double, _ attributes: KeyValuePairs<String, String>) -> String {
        let opening = "<text x=\"\(pixel(x))\" y=\"\(pixel(y))\""
        return opening + attributes.map { " \($0.key)=\"\($0.value)\"" }.joined() + ">\(Markup.escaped(text))</text>"
    }
}
