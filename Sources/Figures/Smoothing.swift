/// The mean of each point's neighbourhood: as many points before as after it. The ends, where fewer than half of them are
/// there, are left out of a long curve: a mean of few points would look like an event.
///
/// - Parameter window: points of a neighbourhood; an even number counts as the next odd one.
package func smoothed(_ points: [(x: Double, y: Double)], window: Int) -> [(x: Double, y: Double)] {
    let reach = max(0, window / 2)
    // Sums of the finite values before each point, and how many they are.
    var sums = [0.0]
    var counts = [0]
    for point in points {
        sums.append(sums[sums.count - 1] + (point.y.isFinite ? point.y : 0))
        counts.append(counts[counts.count - 1] + (point.y.isFinite ? 1 : 0))
    }
    let least = points.count > 4 * window ? reach / 2 : 0
    return points.indices.compactMap { index in
        let near = min(reach, index, points.count - 1 - index)
        guard near >= least else { return nil }
        let (first, end) = (index - near, index + near + 1)
        let count = counts[end] - counts[first]
        return (points[index].x, count > 0 ? (sums[end] - sums[first]) / Double(count) : .nan)
    }
}

/// Points of a neighbourhood that suit a curve of some length: a thirtieth of it, odd, and 1 for short ones.
package func suitableWindow(for count: Int) -> Int { count < 30 ? 1 : max(3, count / 30) | 1 }
