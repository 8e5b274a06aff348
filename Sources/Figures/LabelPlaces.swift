/// Finds a place for the label of each dot where it covers no dot and no other label.
struct LabelPlaces {
    struct Box {
        var (left, top, right, bottom): (Double, Double, Double, Double)

        func meets(_ other: Box) -> Bool {
            left < other.right && other.left < right && top < other.bottom && other.top < bottom
        }

        func lies(within other: Box) -> Bool {
            left >= other.left && right <= other.right && top >= other.top && bottom <= other.bottom
        }
    }

    struct Place {
        /// Of the text's box.
        let box: Box
        /// Far from its dot, so that a thin line leads to it.
        let isFar: Bool
    }

    private let plot: Box
    private var taken: [Box]

    init(plot: Box, dots: [(x: Double, y: Double)]) {
        self.plot = plot
        taken = dots.map { Box(left: $0.x - 5, top: $0.y - 5, right: $0.x + 5, bottom: $0.y + 5) }
    }

    /// Keeps labels off a horizontal or vertical bar.
    mutating func keepOff(_ box: Box) { taken.append(box) }

    /// Nil where the plot is too full; the hover has the label then.
    mutating func place(width: Double, height: Double, at dot: (x: Double, y: Double)) -> Place? {
        for distance in [7.0, 12, 22, 36, 54] {
            for (across, down) in [(1.0, 0.0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1)] {
                // The corner or the edge of the box that is next to the dot is at the distance.
                let x = dot.x + across * distance - (across > 0 ? 0 : across < 0 ? width : width / 2)
                let y = dot.y + down * distance - (down > 0 ? 0 : down < 0 ? height : height / 2)
                let box = Box(left: x, top: y, right: x + width, bottom: y + height)
                guard box.lies(within: plot), !taken.contains(where: box.meets) else { continue }
                taken.append(box)
                return Place(box: box, isFar: distance > 12)
            }
        }
        return nil
    }
}
