/// The places of a figure's parts.
struct FigureLayout {
    static let textSize = 13.0
    static let smallSize = 12.0
    static let titleSize = 15.0

    let width: Double
    let height: Double
    let titleLines: [String]
    let noteLines: [String]
    /// Legend entries with the upper left corner of each.
    private(set) var legend: [(entry: LegendEntry, x: Double, y: Double)] = []
    /// The plot's edges.
    let (left, right, top, bottom): (Double, Double, Double, Double)
    let x: AxisMap
    let y: AxisMap
    let xTicks: Ticks
    let yTicks: Ticks
    /// Whether the names below the axis are slanted, since they are too wide to stand side by side.
    let slantsNames: Bool

    init(_ figure: Figure) {
        let inner = figure.size.width - 16
        width = figure.size.width
        titleLines = TextWidth.lines(figure.title, width: inner, size: Self.titleSize)
        noteLines = TextWidth.lines(figure.note, width: inner, size: Self.smallSize)
        var y = 8 + 20 * Double(titleLines.count) + 16 * Double(noteLines.count)

        let entries = LegendEntry.entries(of: figure)
        if entries.count > 1 || entries.contains(where: \.needsName) {
            var x = 8.0
            y += 4
            for entry in entries {
                let entry = entry.cut(to: inner)
                if x > 8, x + entry.width > 8 + inner { (x, y) = (8, y + 18) }
                legend.append((entry, x, y))
                x += entry.width + 14
            }
            y += 18
        }
        top = y + 10
        bottom = top + figure.size.plotHeight

        let drawn = figure.marks
        let hasDots = drawn.contains { if case .points = $0 { true } else { false } }
        let xExtent = figure.x.extent(of: drawn.flatMap(\.xs), margin: hasDots ? 0.06 : 0)
        let yExtent = figure.y.extent(of: drawn.flatMap(\.ys), margin: 0.05)

        yTicks = Ticks(figure.y, over: yExtent, atMost: Int(figure.size.plotHeight / 34))
        let most = 0.42 * width
        let labelWidth = yTicks.marks.map { TextWidth.of($0.label, size: Self.smallSize) }.max() ?? 0
        left = 8 + (figure.y.title.isEmpty ? 0 : 20) + min(most, labelWidth) + 8
        var ticks = Ticks(figure.x, over: xExtent, atMost: 2)
        for count in 3...10 {
            let more = Ticks(figure.x, over: xExtent, atMost: count)
            let widest = more.marks.map { TextWidth.of($0.label, size: Self.smallSize) }.max() ?? 0
            guard Double(more.marks.count) * (widest + 14) < width - left - 16 else { break }
            ticks = more
        }
        xTicks = ticks
        let widest = ticks.marks.map { TextWidth.of($0.label, size: Self.smallSize) }.max() ?? 0
        if case .categories = figure.x.scale {
            slantsNames = (widest + 8) * Double(ticks.marks.count) > width - left - 16
        } else {
            slantsNames = false
        }
        right = width - max(12, slantsNames ? 12 : min(40, (ticks.marks.last.map { TextWidth.of($0.label, size: Self.smallSize) } ?? 0) / 2 + 4))
        let below = slantsNames ? min(110, widest * 0.65 + 20) : 22
        height = bottom + below + (figure.x.title.isEmpty ? 4 : 22)

        self.x = AxisMap(
            extent: xExtent, isLogarithmic: figure.x.scale == .logarithmic, from: left, to: right)
        // Names of a vertical axis are read from the top.
        let isNamed = if case .categories = figure.y.scale { true } else { false }
        self.y = AxisMap(
            extent: yExtent, isLogarithmic: figure.y.scale == .logarithmic, from: isNamed ? top : bottom,
            to: isNamed ? bottom : top)
    }
}
