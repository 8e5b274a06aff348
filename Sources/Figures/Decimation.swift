/// Long curves cut down to what can be seen of them.
enum Decimation {
    /// Of each pixel column the first, the least, the greatest and the last point, in their order: the drawn line is the
    /// same as that of all points.
    ///
    /// - Parameter columns: one for each point in the order of the points; points of one column are beside each other.
    static func kept(_ values: [Double], columns: [Int]) -> [Int] {
        var kept: [Int] = []
        var first = 0
        while first < values.count {
            var end = first + 1
            var (least, greatest) = (first, first)
            while end < values.count, columns[end] == columns[first] {
                if values[end] < values[least] { least = end }
                if values[end] > values[greatest] { greatest = end }
                end += 1
            }
            for index in [first, min(least, greatest), max(least, greatest), end - 1] where kept.last.map({ $0 < index }) ?? true {
                kept.append(index)
            }
            first = end
        }
        return kept
    }
}

extension Figure {
    /// The figure with no more points than it can show: curves by `Decimation` to whole pixels, bands by their outline. What
    /// has few points is unchanged.
    package var decimated: Figure {
        let layout = FigureLayout(self)
        func column(_ x: Double) -> Int { layout.x(x).map { Int($0.rounded(.down)) } ?? -1 }
        var figure = self
        figure.replaceMarks { mark in
            switch mark {
            case .line(let line) where line.points.count > 400:
                let points = line.points.filter { $0.x.isFinite && $0.y.isFinite }
                let kept = Decimation.kept(points.map(\.y), columns: points.map { column($0.x) })
                return .line(
                    Line(name: line.name, points: kept.map { points[$0] }, stroke: line.stroke, colour: line.colour))
            case .band(let band) where band.edges.count > 400:
                var edges: [(x: Double, low: Double, high: Double)] = []
                var last = Int.min
                for edge in band.edges {
                    let place = column(edge.x)
                    if place == last, let former = edges.last {
                        edges[edges.count - 1] = (former.x, min(former.low, edge.low), max(former.high, edge.high))
                    } else {
                        edges.append(edge)
                    }
                    last = place
                }
                return .band(Band(name: band.name, edges: edges, colour: band.colour))
            default: return mark
            }
        }
        return figure
    }
}
