/// Mean and variance of all numbers so far (Chan, Golub and LeVeque 1979), added batch by batch.
package struct RunningMoments: Sendable, Equatable {
    package private(set) var count: Int
    package private(set) var mean: Double
    /// Σ (x − mean)²
    package private(set) var squares: Double

    package init(count: Int = 0, mean: Double = 0, squares: Double = 0) {
        (self.count, self.mean, self.squares) = (count, mean, squares)
    }

    package mutating func add(_ batch: [Double]) {
        guard !batch.isEmpty else { return }
        let batchMean = batch.reduce(0, +) / Double(batch.count)
        let total = Double(count + batch.count)
        let shift = batchMean - mean
        squares +=
            batch.reduce(0) { $0 + ($1 - batchMean) * ($1 - batchMean) }
            + shift * shift * Double(count) * Double(batch.count) / total
        mean += shift * Double(batch.count) / total
        count += batch.count
    }

    /// 1 until two numbers differ.
    package var deviation: Double {
        guard count > 1, squares > 0 else { return 1 }
        return (squares / Double(count - 1)).squareRoot()
    }

    /// (x − mean) / deviation
    package func normalised(_ x: Double) -> Double { (x - mean) / deviation }
}
