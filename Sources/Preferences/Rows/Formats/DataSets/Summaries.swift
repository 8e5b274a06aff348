import Storage

/// OpenAI's summarize_from_feedback: two summaries of a Reddit post or of a news article.
extension RowFormat {
    package static let summaries = RowFormat(
        noun: "summarize_from_feedback comparisons",
        explanation: "choice names the better summary; the prompt is the post or the article in the paper's words",
        columns: [["info", "summaries", "choice"]],
        read: { row throws(PreferenceError) in
            let choice = try row.choice("choice", among: [0, 1])
            let info = row.takeValue("info") ?? .null
            var responses: [Passage] = []
            for (number, summary) in try row.array("summaries", of: "two summaries with text").enumerated() {
                responses.append(try row.passage(summary["text"], item: "summaries[\(number)].text"))
            }
            guard responses.count == 2 else {
                throw .wrongType(
                    row.place, item: "\"summaries\"", found: "a list of \(responses.count)", expected: "two summaries")
            }
            return RowParts(prompt: .text(Self.query(of: info)), responses: responses, better: choice)
        })

    /// The queries of Stiennon et al. (arXiv 2009.01325), table 4 and appendix B; empty if there is nothing to summarise.
    private static func query(of info: JSON) -> String {
        func text(_ name: String) -> String { info[name]?.string ?? "" }
        if !text("post").isBlank {
            return "SUBREDDIT: r/\(text("subreddit"))\n\nTITLE: \(text("title"))\n\nPOST: \(text("post"))\n\nTL;DR:"
        }
        return text("article").isBlank ? "" : "Article:\n\(text("article"))\n\nTL;DR:\n"
    }
}
