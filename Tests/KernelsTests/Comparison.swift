import Kernels
import Testing

/// The largest difference, in units of the largest expected magnitude; infinite where a number is missing or not one.
func deviation(_ actual: [Float], from expected: [Double]) -> Double {
    guard actual.count == expected.count else { return .infinity }
    let size = expected.reduce(1e-30) { max($0, abs($1)) }
    var worst = 0.0
    for (a, e) in zip(actual, expected) {
        let difference = abs(Double(a) - e)
        if !(difference <= worst * size) { worst = difference.isNaN ? .infinity : difference / size }
    }
    return worst
}

func deviation(_ actual: Grid, from expected: [Double]) -> Double {
    actual.fenceHolds ? deviation(actual.floats, from: expected) : .infinity
}

/// ∂loss/∂x at some places of x by central differences. In double precision they are good to about nine digits.
func slopes(at x: [Double], places: [Int], of loss: ([Double]) -> Double) -> [Double] {
    let h = 1e-5
    var x = x
    return places.map { place in
        let middle = x[place]
        x[place] = middle + h
        let above = loss(x)
        x[place] = middle - h
        let below = loss(x)
        x[place] = middle
        return (above - below) / (2 * h)
    }
}

/// Whether `gradient` is the derivative of `loss` at x: everywhere, or at `sampling` places chosen by chance.
func deviation(
    ofGradient gradient: [Float], at x: [Double], sampling: Int = .max, from loss: ([Double]) -> Double
) -> Double {
    var random = Random(UInt64(x.count))
    let places = sampling < x.count ? (0..<sampling).map { _ in random.index(below: x.count) } : Array(x.indices)
    return deviation(places.map { gradient[$0] }, from: slopes(at: x, places: places, of: loss))
}

/// The same along one direction, uphill everywhere: two calls of `loss` for all elements, for twins that are slow.
func deviation(ofGradient gradient: [Float], uphillFrom x: [Double], _ loss: ([Double]) -> Double) -> Double {
    var random = Random(UInt64(x.count))
    let direction = gradient.map { Double($0) * Double(1.5 + random.float()) }
    let expected = slopes(at: [0], places: [0]) { step in loss(zip(x, direction).map { $0 + step[0] * $1 }) }
    return deviation([Float(inner(gradient.map(Double.init), direction))], from: expected)
}

/// Σ aᵢ bᵢ
func inner(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

/// Runs a kernel on 1, 2, 3 and 5 threads and at every CPU level that there is and compares every bit of what it wrote, fences included.
func expectSameBits(
    _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ kernel: (ThreadPool) -> [Grid]
) {
    let expected = kernel(ThreadPool(count: 1, level: .v3)).map(\.bits)
    for level in CPULevel.allCases where level.isPresent {
        for threads in [1, 2, 3, 5] {
            let bits = kernel(ThreadPool(count: threads, level: level)).map(\.bits)
            #expect(bits == expected, "\(what) on \(threads) threads, \(level)", sourceLocation: sourceLocation)
        }
    }
}
