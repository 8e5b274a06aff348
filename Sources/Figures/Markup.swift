/// Elements and text of SVG and HTML, written out.
package enum Markup {
    /// An element; without content an empty one.
    ///
    /// - Parameter attributes: pairs of name and value; values are escaped.
    package static func element(_ name: String, _ attributes: KeyValuePairs<String, String>, _ content: String? = nil) -> String {
        let opening = "<\(name)" + attributes.map { " \($0.key)=\"\(escaped($0.value))\"" }.joined()
        return content.map { "\(opening)>\($0)</\(name)>" } ?? "\(opening)/>"
    }

    /// Text as XML has it; characters that XML has no place for are left out.
    package static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            default:
                if scalar.value >= 0x20, scalar.value != 0xFFFE, scalar.value != 0xFFFF {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result
    }
}
