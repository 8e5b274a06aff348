import Storage

/// Numbers of the logged steps, column by column.
struct StepTable {
    private(set) var steps: [Int] = []
    private var columns: [String: [Double]] = [:]
    /// In the order in which they came.
    private(set) var names: [String] = []

    var isEmpty: Bool { steps.isEmpty }

    mutating func append(_ row: JSONObject, step: Int) {
        for (name, value) in row.members {
            guard name != "step", let number = value.double else { continue }
            if columns[name] == nil {
                names.append(name)
                columns[name] = [Double](repeating: .nan, count: steps.count)
            }
            columns[name]?.append(number)
        }
        steps.append(step)
        for name in names where (columns[name]?.count ?? 0) < steps.count { columns[name]?.append(.nan) }
    }

    /// A number by step; NaN where a row hasn't it. Nil if none has.
    subscript(name: String) -> [Double]? { columns[name] }

    func points(_ name: String) -> [(x: Double, y: Double)]? {
        columns[name].map { zip(steps, $0).map { (Double($0), $1) } }
    }
}
