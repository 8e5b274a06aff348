import Storage

/// Counts of an answer's Markdown headers, lists and bold type, outside of code: by which Arena-Hard's judgements are
/// controlled for style.
/// (lmarena/arena-hard-auto, utils/add_markdown_info.py.)
package struct MarkdownCounts {
    package let json: JSONObject

    package init(_ answer: String) {
        let text = MarkdownCounts.withoutCode(answer)
        func count(_ pattern: Regex<Substring>) -> JSON {
            .integer(text.matches(of: pattern.anchorsMatchLineEndings().matchingSemantics(.unicodeScalar)).count)
        }
        json = [
            "header_count": [
                "h1": count(#/^#{1}\s/#), "h2": count(#/^#{2}\s/#), "h3": count(#/^#{3}\s/#),
                "h4": count(#/^#{4}\s/#), "h5": count(#/^#{5}\s/#), "h6": count(#/^#{6}\s/#),
            ],
            "list_count": ["ordered": count(#/^\s*\d+\.\s/#), "unordered": count(#/^\s*[-*+]\s/#)],
            "bold_count": ["**": count(#/\*\*[^*\n]+\*\*/#), "__": count(#/__[^_\n]+__/#)],
        ]
    }

    /// Takes away each text of a fenced block wherever it stands, as the original does.
    private static func withoutCode(_ answer: String) -> String {
        let blocks = answer.matches(of: #/```([^`]*)```/#.matchingSemantics(.unicodeScalar)).map { String($0.1) }
        return blocks.reduce(answer) { $1.isEmpty ? $0 : $0.replacing($1, with: "") }
    }
}
