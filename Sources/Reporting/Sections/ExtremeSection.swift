import Figures
import Machine
import Storage

/// The held-out judgements that the policy ranks most wrongly and most rightly, each token on a ground that says what
/// training did to it.
struct ExtremeSection {
    let html: String

    init(_ run: RunRecord) {
        let kinds = [("Most wrong", "wrong"), ("Most right", "right")].map { title, name in
            (title, (run.extremes[name]?.array ?? []).compactMap(\.object))
        }
        guard kinds.contains(where: { !$0.1.isEmpty }) else {
            html = ""
            return
        }
        let rows = kinds.flatMap { $0.1 }
        let isChange = rows.allSatisfy { row in
            Self.tokens(of: row).allSatisfy { $0.before != nil }
        }
        let key =
            isChange
            ? "Ground: green, the trained policy finds the token likelier than the untrained one; red, less likely. Hover for "
                + "log-probabilities in nats."
            : "Ground: the redder, the less likely the trained policy finds the token. Hover for log-probabilities in nats."
        html =
            Page.paragraph(key, class: "key")
            + kinds.map { title, rows in
                rows.isEmpty
                    ? "<h3>\(title)</h3>\(Page.paragraph("None."))"
                    : "<h3>\(title)</h3>\n" + rows.enumerated().map { Self.block($1, isOpen: $0 == 0, isChange) }.joined()
            }.joined()
    }

    private struct Token {
        let text: String
        let after: Double?
        let before: Double?
    }

    private static func tokens(of row: JSONObject) -> [Token] {
        (row["responses"]?.array ?? []).flatMap { tokens(of: $0) }
    }

    private static func tokens(of response: JSON) -> [Token] {
        (response["tokens"]?.array ?? []).compactMap { token in
            guard let parts = token.array, parts.count == 3, let text = parts[0].string else { return nil }
            return Token(text: text, after: parts[1].double, before: parts[2].double)
        }
    }

    private static func block(_ row: JSONObject, isOpen: Bool, _ isChange: Bool) -> String {
        let margin = fixed(row["margin"]?.double ?? .nan, 3)
        let prompt = row["prompt"]?.string ?? ""
        let end = String(prompt.split(whereSeparator: \.isWhitespace).joined(separator: " ").suffix(90))
        var text = "<details\(isOpen ? " open" : "")><summary>margin \(margin), line \(row["line"]?.integer ?? 0): "
        text += "\(Markup.escaped(end))</summary>\n<div class=\"text pale\">\(Markup.escaped(prompt))</div>\n"
        for response in row["responses"]?.array ?? [] {
            let tokens = tokens(of: response)
            let length = response["length"]?.integer ?? tokens.count
            text += "<div class=\"key\">\(Markup.escaped(response["name"]?.string ?? "")), \(length) tokens</div><div class=\"text\">"
            text += tokens.map { span($0, isChange) }.joined()
            if length > tokens.count { text += " … and \(length - tokens.count) more" }
            text += "</div>\n"
        }
        return text + "</details>\n"
    }

    private static func span(_ token: Token, _ isChange: Bool) -> String {
        guard let after = token.after else { return Markup.escaped(token.text) }
        let amount: Double
        var title = fixed(after, 3)
        if isChange, let before = token.before {
            // A factor of e³ is the deepest ground.
            amount = max(-1, min(1, (after - before) / 3))
            title = "\(fixed(before, 3)) → \(fixed(after, 3))"
        } else {
            amount = max(-1, after / 6)
        }
        let opacity = fixed(0.75 * abs(amount), 2)
        return "<span class=\"token\" title=\"\(title)\" style=\"background:rgba(var(--\(amount < 0 ? "bad" : "good")),\(opacity))\">"
            + "\(Markup.escaped(token.text))</span>"
    }
}
