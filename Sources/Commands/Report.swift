import Storage

/// A command's findings: as lines for people, as one JSON object for programs.
package struct Report: Sendable {
    package let json: JSONObject
    package let lines: [String]

    package init(json: JSONObject, lines: [String]) {
        self.json = json
        self.lines = lines
    }

    package func text(asJSON: Bool) -> String {
        asJSON ? JSON.object(json).text : lines.joined(separator: "\n")
    }
}
