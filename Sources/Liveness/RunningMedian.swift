/// The median of the last hundred numbers.
package struct RunningMedian {
    package init() {}

    private var last: [Double] = []
    private var place = 0
    private static let most = 100

    /// - Returns: the median with the new number.
    package mutating func add(_ number: Double) -> Double {
        if last.count < RunningMedian.most { last.append(number) } else { last[place] = number }
        place = (place + 1) % RunningMedian.most
        return last.sorted()[last.count / 2]
    }
}
