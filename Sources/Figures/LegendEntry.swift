/// A sign with the name of what it stands for.
struct LegendEntry {
    enum Sign: Equatable {
        case line(Stroke)
        case area
        case level
        case moment(kind: Int)
        case dot(joined: Bool)
    }

    var name: String
    let sign: Sign
    let colour: Int?

    static let signWidth = 22.0

    var width: Double { Self.signWidth + 5 + TextWidth.of(name, size: FigureLayout.smallSize) }

    /// Whether the sign says nothing without its name even if it is alone.
    var needsName: Bool {
        switch sign {
        case .level, .moment: true
        default: false
        }
    }

    func cut(to width: Double) -> LegendEntry {
        var entry = self
        entry.name = TextWidth.cut(name, to: width - Self.signWidth - 5, size: FigureLayout.smallSize)
        return entry
    }

    /// An entry for each name and sign: marks that share both share the entry.
    static func entries(of figure: Figure) -> [LegendEntry] {
        var entries: [LegendEntry] = []
        for mark in figure.marks where !mark.isEmpty && !mark.name.isEmpty {
            let sign: Sign =
                switch mark {
                case .line(let line): .line(line.stroke)
                case .band, .bars: .area
                case .level: .level
                case .moments(let moments): .moment(kind: moments.kind)
                case .points(let points): .dot(joined: points.joined)
                }
            var name = mark.name
            if case .level(let level) = mark { name += " (\(NumberText.short(level.y)))" }
            if !entries.contains(where: { $0.name == name && $0.sign == sign && $0.colour == mark.colour }) {
                entries.append(LegendEntry(name: name, sign: sign, colour: mark.colour))
            }
        }
        return entries
    }
}
