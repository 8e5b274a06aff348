/// The sources of a set's comparisons: the column `source` of each, or the file where a set has several.
package struct RowSources: Sendable, Equatable {
    /// In the order in which they occur.
    package private(set) var names: [String] = []
    /// For each comparison the place of its name; shorter where nothing is known of the rest.
    private var places: [UInt8] = []
    private var known: [String: UInt8] = [:]
    private static let none = UInt8.max

    package init() {}

    /// Notes a name, after those of the comparisons before it. Beyond 255 names further ones are no name at all.
    package mutating func append(_ name: String?, of comparison: Int) {
        guard let name, let place = place(of: name) else { return }
        places += Array(repeating: Self.none, count: comparison - places.count)
        places.append(place)
    }

    private mutating func place(of name: String) -> UInt8? {
        if let place = known[name] { return place }
        guard names.count < Int(Self.none) else { return nil }
        known[name] = UInt8(names.count)
        names.append(name)
        return known[name]
    }

    /// The name of a comparison's source; nil where nothing is known of it.
    package subscript(comparison: Int) -> String? {
        guard comparison < places.count, places[comparison] != Self.none else { return nil }
        return names[Int(places[comparison])]
    }
}
