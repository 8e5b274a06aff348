/// A reward under the name by which rows, run files and tables call it.
package struct NamedReward: Sendable, Equatable {
    package let name: String
    package let source: RewardSource

    package init(name: String, source: RewardSource) { (self.name, self.source) = (name, source) }

    /// Reads `NAME=SPEC`.
    /// - Throws: `RewardError.spec`.
    package init(_ text: String) throws(RewardError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty, !parts[0].contains(":") else {
            throw .spec(text, problem: "it has no name; write NAME=SPEC")
        }
        (name, source) = (parts[0], try RewardSource(parts[1]))
    }
}
