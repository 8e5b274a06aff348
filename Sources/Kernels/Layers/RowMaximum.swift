/// The place of a row's largest element.
package enum RowMaximum {
    /// The first of the largest elements of a row that isn't empty. NaNs are passed over, but for a first element.
    package static func first(of x: UnsafePointer<Float>, count: Int) -> Int {
        var lanes = Vector(repeating: x[0])
        for i in groups(of: count) {
            let values = Vector(from: x + i)
            lanes = lanes.replacing(with: values, where: lanes .< values)
        }
        var largest = lanes.largest
        for i in remainder(of: count) where x[i] > largest { largest = x[i] }
        var place = 0
        while place + 1 < count, x[place] != largest { place += 1 }
        return x[place] == largest ? place : 0
    }
}
