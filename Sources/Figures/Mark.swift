/// The strokes of a curve.
package enum Stroke: Sendable, Equatable {
    case solid
    /// Thin and pale: raw numbers behind their smoothed ones.
    case faint
    case dashed
    /// With a dot at each point: few measurements.
    case dotted
}

/// A dot of a scatter or of a curve of few measurements.
package struct DataPoint: Sendable {
    package let x: Double
    package let y: Double
    package let xError: ClosedRange<Double>?
    package let yError: ClosedRange<Double>?
    /// Beside the dot.
    package let label: String?
    /// On hover, after the numbers.
    package let note: String

    package init(
        _ x: Double, _ y: Double, xError: ClosedRange<Double>? = nil, yError: ClosedRange<Double>? = nil,
        label: String? = nil, note: String = ""
    ) {
        (self.x, self.y, self.xError, self.yError, self.label, self.note) = (x, y, xError, yError, label, note)
    }
}

struct Line: Sendable {
    let name: String
    let points: [(x: Double, y: Double)]
    let stroke: Stroke
    let colour: Int
}

struct Band: Sendable {
    let name: String
    let edges: [(x: Double, low: Double, high: Double)]
    let colour: Int
}

struct Level: Sendable {
    let name: String
    let y: Double
}

struct Moments: Sendable {
    let name: String
    let positions: [Double]
    /// The number of kinds of moments before this one: their dashes differ.
    let kind: Int
}

struct Points: Sendable {
    let name: String
    let points: [DataPoint]
    let joined: Bool
    let colour: Int
}

struct Bars: Sendable {
    let name: String
    let edges: [Double]
    let counts: [Double]
    let colour: Int
}

/// A mark on the axes.
enum Mark: Sendable {
    case line(Line)
    case band(Band)
    case level(Level)
    case moments(Moments)
    case points(Points)
    case bars(Bars)

    var name: String {
        switch self {
        case .line(let line): line.name
        case .band(let band): band.name
        case .level(let level): level.name
        case .moments(let moments): moments.name
        case .points(let points): points.name
        case .bars(let bars): bars.name
        }
    }

    /// The place of its colour in the palette; nil for what is drawn in the ink of the axes.
    var colour: Int? {
        switch self {
        case .line(let line): line.colour
        case .band(let band): band.colour
        case .level, .moments: nil
        case .points(let points): points.colour
        case .bars(let bars): bars.colour
        }
    }

    /// Without a finite number.
    var isEmpty: Bool {
        if case .moments = self { return xs.isEmpty }
        return ys.isEmpty
    }

    /// The finite numbers that the horizontal axis must show.
    var xs: [Double] {
        let values: [Double] =
            switch self {
            case .line(let line): line.points.map(\.x)
            case .band(let band): band.edges.map(\.x)
            case .level: []
            case .moments(let moments): moments.positions
            case .points(let points):
                points.points.flatMap { [$0.x, $0.xError?.lowerBound ?? $0.x, $0.xError?.upperBound ?? $0.x] }
            case .bars(let bars): bars.edges
            }
        return values.filter(\.isFinite)
    }

    /// The finite numbers that the vertical axis must show.
    var ys: [Double] {
        let values: [Double] =
            switch self {
            case .line(let line): line.points.map(\.y)
            case .band(let band): band.edges.flatMap { [$0.low, $0.high] }
            case .level(let level): [level.y]
            case .moments: []
            case .points(let points):
                points.points.flatMap { [$0.y, $0.yError?.lowerBound ?? $0.y, $0.yError?.upperBound ?? $0.y] }
            case .bars(let bars): [0] + bars.counts
            }
        return values.filter(\.isFinite)
    }
}
