/// A picture of numbers on two axes, as SVG and as CSV.
///
///     var figure = Figure("Held-out loss", x: Axis("step"), y: Axis("loss"))
///     figure.line("train", raw, .faint, colour: 0)
///     figure.line("train, mean of 25 steps", smoothed(raw, window: 25), colour: 0)
///     figure.band("95 %", [(x: 50, low: 0.5, high: 0.6), (x: 100, low: 0.4, high: 0.5)], colour: 1)
///     figure.line("held-out", [(50, 0.55), (100, 0.45)], .dotted, colour: 1)
///     figure.level("untrained", 0.6931)
///     figure.moments("checkpoint", [50, 100])
///     figure.points("DPO", [DataPoint(2.1, 0.7, yError: 0.6...0.8, label: "β 0.1")])
///     try AtomicFile.write(figure.svg, to: "loss.svg")
///     try AtomicFile.write(figure.csv, to: "loss.csv")
///
/// Series are told apart by colour and by the form of their dots; a series gets the next colour unless it is given one.
/// The legend lies above the plot, so it never covers a number. Long series are drawn by the least and the greatest of each
/// pixel: nothing that they did is lost. Values that aren't finite are gaps. In a page the figure follows the page's
/// light or dark through CSS variables (`--figure-ink`, `--figure-paper`, `--figure-1` …), alone the viewer's.
package struct Figure: Sendable {
    package var title: String
    /// A sentence below the title.
    package var note: String
    /// The text that a screen reader says after the title; made of the marks if it is empty.
    package var summary = ""
    package var x: Axis
    package var y: Axis
    /// In the order in which they are drawn.
    private(set) var marks: [Mark] = []
    /// Width of the picture, and height of the plot in it, in pixels.
    package var size = Size.alone

    /// The size of the drawing.
    package struct Size: Sendable {
        package let width: Double
        package let plotHeight: Double

        package init(width: Double, plotHeight: Double) { (self.width, self.plotHeight) = (width, plotHeight) }

        /// For a file of its own.
        package static let alone = Size(width: 640, plotHeight: 330)
        /// For one of several in a page, readable on a telephone.
        package static let inPage = Size(width: 384, plotHeight: 200)
    }

    package init(_ title: String, note: String = "", x: Axis, y: Axis) {
        (self.title, self.note, self.x, self.y) = (title, note, x, y)
    }

    /// Whether no series has a finite number.
    package var isEmpty: Bool {
        marks.allSatisfy { mark in
            switch mark {
            case .level, .moments: true
            default: mark.isEmpty
            }
        }
    }

    /// Adds a curve. Points in the order of their x.
    package mutating func line(
        _ name: String, _ points: [(x: Double, y: Double)], _ stroke: Stroke = .solid, colour: Int? = nil
    ) {
        marks.append(.line(Line(name: name, points: points, stroke: stroke, colour: next(colour))))
    }

    /// Adds an area between two curves, such as a band of confidence.
    package mutating func band(
        _ name: String, _ edges: [(x: Double, low: Double, high: Double)], colour: Int? = nil
    ) {
        marks.append(.band(Band(name: name, edges: edges, colour: next(colour))))
    }

    /// Adds a dashed horizontal line to compare with.
    package mutating func level(_ name: String, _ y: Double) { marks.append(.level(Level(name: name, y: y))) }

    /// Adds thin vertical lines: checkpoints, epochs, a best step.
    package mutating func moments(_ name: String, _ positions: [Double]) {
        guard !positions.isEmpty else { return }
        let kind = marks.count { if case .moments = $0 { true } else { false } }
        marks.append(.moments(Moments(name: name, positions: positions, kind: kind)))
    }

    /// Adds dots, each with error bars and a label if it has them.
    ///
    /// - Parameter joined: whether a line leads from dot to dot.
    package mutating func points(
        _ name: String, _ points: [DataPoint], joined: Bool = false, colour: Int? = nil
    ) {
        marks.append(.points(Points(name: name, points: points, joined: joined, colour: next(colour))))
    }

    /// Adds bars from zero to a count over each bin; several histograms shine through each other.
    ///
    /// - Precondition: one more edge than counts.
    package mutating func histogram(_ name: String, edges: [Double], counts: [Double], colour: Int? = nil) {
        precondition(edges.count == counts.count + 1, "an edge more than bins")
        marks.append(.bars(Bars(name: name, edges: edges, counts: counts, colour: next(colour))))
    }

    mutating func replaceMarks(_ replacement: (Mark) -> Mark) { marks = marks.map(replacement) }

    private func next(_ colour: Int?) -> Int { colour ?? ((marks.compactMap(\.colour).max() ?? -1) + 1) }

    /// The picture, a file of its own that also stands inside a page as it is.
    package var svg: String { Drawing(self).svg }
}
