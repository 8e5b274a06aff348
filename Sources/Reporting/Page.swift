import Figures
import Storage

/// A self-contained page: nothing in it is loaded from anywhere.
struct Page {
    private let title: String
    private var sections: [(identity: String, title: String, content: String)] = []
    private let head: String

    /// - Parameter head: what stands before the first section.
    init(title: String, head: String) { (self.title, self.head) = (title, head) }

    /// Adds a section, unless it is empty.
    mutating func add(_ identity: String, _ title: String, _ content: String) {
        if !content.isEmpty { sections.append((identity, title, content)) }
    }

    var html: String {
        let links = sections.map { "<a href=\"#\($0.identity)\">\(Markup.escaped($0.title))</a>" }.joined(separator: "\n")
        let body = sections.map {
            "<section id=\"\($0.identity)\" aria-labelledby=\"\($0.identity)-title\">"
                + "<h2 id=\"\($0.identity)-title\">\(Markup.escaped($0.title))</h2>\n\($0.content)</section>"
        }.joined(separator: "\n")
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(Markup.escaped(title))</title>
            <style>\(PageStyle.css)</style>
            </head>
            <body>
            <header><h1>\(Markup.escaped(title))</h1>
            \(head)
            <nav aria-label="sections">
            \(links)
            </nav></header>
            <main>
            \(body)
            </main>
            <script>\(PageStyle.script)</script>
            </body>
            </html>

            """
    }

    // MARK: - Parts

    static func figures(_ figures: [Figure]) -> String {
        figures.isEmpty ? "" : "<div class=\"figures\">\n" + figures.map(card).joined(separator: "\n") + "\n</div>\n"
    }

    /// A figure with what it can be taken away as.
    private static func card(_ figure: Figure) -> String {
        let figure = figure.decimated
        let name = fileName(figure.title)
        let data = "data:text/csv;charset=utf-8," + percentEncoded(figure.shortCSV)
        return "<figure>\(figure.svg)<figcaption><button type=\"button\" data-svg=\"\(name).svg\">SVG</button> "
            + "<a download=\"\(name).csv\" href=\"\(data)\">CSV</a></figcaption></figure>"
    }

    private static func fileName(_ title: String) -> String {
        let letters = title.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        return String(letters)
    }

    /// As little as an attribute with a `data:` address needs.
    private static func percentEncoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: ","), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "_"), UInt8(ascii: "/"):
                bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A table that scrolls by itself where it is too wide.
    ///
    /// - Parameter numbers: columns that are flush right.
    static func table(_ head: [String], _ rows: [[String]], numbers: Set<Int> = [], caption: String = "") -> String {
        guard !rows.isEmpty else { return "" }
        func cells(_ texts: [String], _ tag: String) -> String {
            texts.enumerated().map { place, text in
                let attributes = (numbers.contains(place) ? " class=\"n\"" : "") + (tag == "th" ? " scope=\"col\"" : "")
                return "<\(tag)\(attributes)>\(Markup.escaped(text))</\(tag)>"
            }.joined()
        }
        let title = caption.isEmpty ? "" : "<caption>\(Markup.escaped(caption))</caption>"
        return "<div class=\"scroll\" tabindex=\"0\"><table>\(title)<thead><tr>\(cells(head, "th"))</tr></thead><tbody>\n"
            + rows.map { "<tr>\(cells($0, "td"))</tr>" }.joined(separator: "\n") + "</tbody></table></div>\n"
    }

    static func paragraph(_ text: String, class name: String = "") -> String {
        "<p\(name.isEmpty ? "" : " class=\"\(name)\"")>\(Markup.escaped(text))</p>\n"
    }
}
