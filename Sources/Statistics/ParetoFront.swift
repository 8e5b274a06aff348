/// Points of several objectives, each the better the greater it is.
package enum ParetoFront {
    /// The indices of the points that no other one beats: greater in one objective and not less in any. Of equal points the
    /// first.
    package static func members(of points: [[Double]]) -> [Int] {
        points.indices.filter { a in
            points.indices.allSatisfy { b in
                a == b || !dominates(points[b], points[a]) && (points[a] != points[b] || a < b)
            }
        }
    }

    private static func dominates(_ a: [Double], _ b: [Double]) -> Bool {
        zip(a, b).allSatisfy { $0 >= $1 } && zip(a, b).contains { $0 > $1 }
    }

    /// The volume of what lies below some points and above a reference point, exact for any number of objectives.
    ///
    /// By slicing: between two neighbouring values of the last objective the volume of the others' points at or above it,
    /// one dimension less (E. Zitzler and L. Thiele, PPSN V (1998) 292; L. While et al., IEEE Trans. Evol. Comput. 10
    /// (2006) 29). A point that isn't above the reference in every objective adds nothing.
    package static func hypervolume(of points: [[Double]], above reference: [Double]) -> Double {
        guard let last = reference.last else { return 0 }
        let inside = points.filter { zip($0, reference).allSatisfy { $0 > $1 } }
        guard !inside.isEmpty else { return 0 }
        let rest = Array(reference.dropLast())
        let heights = Set(inside.compactMap(\.last)).sorted(by: >)
        guard !rest.isEmpty else { return heights[0] - last }
        var volume = 0.0
        for (place, top) in heights.enumerated() {
            let bottom = place + 1 < heights.count ? heights[place + 1] : last
            let slice = inside.filter { ($0.last ?? last) >= top }.map { Array($0.dropLast()) }
            volume += (top - bottom) * hypervolume(of: slice, above: rest)
        }
        return volume
    }
}
