/// The width of a text in a usual sans-serif font: a little more than in most, so that nothing runs into its neighbour.
enum TextWidth {
    static func of(_ text: String, size: Double) -> Double { text.reduce(0) { $0 + width(of: $1) } * size }

    private static func width(of character: Character) -> Double {
        switch character {
        case "i", "l", "j", "I", ".", ",", ":", ";", "|", "!", "'": 0.32
        case "f", "t", "r", " ", "(", ")", "[", "]", "/", "-": 0.4
        case "m", "w", "M", "W", "@", "%": 0.95
        case "A"..."Z": 0.72
        default: (character.unicodeScalars.first?.value ?? 0) >= 0x1100 && character != "−" && character != "…" ? 1.05 : 0.6
        }
    }

    /// The text cut to a width, with an ellipsis.
    static func cut(_ text: String, to width: Double, size: Double) -> String {
        guard of(text, size: size) > width else { return text }
        var kept = text
        while !kept.isEmpty, of(kept + "…", size: size) > width { kept.removeLast() }
        return kept + "…"
    }

    /// The text in lines of at most a width, broken at spaces.
    static func lines(_ text: String, width: Double, size: Double) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, of("\(last) \(word)", size: size) <= width {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(cut(String(word), to: width, size: size))
            }
        }
        return lines
    }
}
