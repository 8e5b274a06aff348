/// Python's ideas of letter case and of kinds of characters.
extension JinjaText {
    /// The methods of text that take no argument and give text.
    func transformed(by method: String) -> JinjaText? {
        switch method {
        case "upper": uppercased
        case "lower": lowercased
        case "capitalize": capitalized
        case "title": titled
        case "swapcase": swappingCase
        case "casefold": isASCII ? lowercased : nil
        default: nil
        }
    }

    var uppercased: JinjaText {
        if isASCII { return JinjaText(bytes: bytes.map { $0 >= 0x61 && $0 <= 0x7A ? $0 - 0x20 : $0 }) }
        return mapped { $0.properties.uppercaseMapping }
    }

    var lowercased: JinjaText {
        if isASCII { return JinjaText(bytes: bytes.map { $0 >= 0x41 && $0 <= 0x5A ? $0 + 0x20 : $0 }) }
        let scalars = self.scalars
        var result = JinjaText()
        for place in scalars.indices { result.append(JinjaText.lower(scalars, place)) }
        return result
    }

    var capitalized: JinjaText {
        let scalars = self.scalars
        var result = JinjaText()
        for place in scalars.indices {
            result.append(
                place == 0 ? scalars[place].properties.titlecaseMapping : JinjaText.lower(scalars, place))
        }
        return result
    }

    /// A capital after whatever isn't a letter with case.
    private var titled: JinjaText {
        let scalars = self.scalars
        var result = JinjaText()
        var isAfterCased = false
        for place in scalars.indices {
            result.append(
                isAfterCased ? JinjaText.lower(scalars, place) : scalars[place].properties.titlecaseMapping)
            isAfterCased = scalars[place].properties.isCased
        }
        return result
    }

    private var swappingCase: JinjaText {
        let scalars = self.scalars
        var result = JinjaText()
        for place in scalars.indices {
            let properties = scalars[place].properties
            result.append(
                properties.isUppercase
                    ? JinjaText.lower(scalars, place)
                    : properties.isLowercase ? properties.uppercaseMapping : String(scalars[place]))
        }
        return result
    }

    private func mapped(_ map: (Unicode.Scalar) -> String) -> JinjaText {
        var result = JinjaText()
        for scalar in string.unicodeScalars { result.append(map(scalar)) }
        return result
    }

    /// A sigma at the end of a word has a lower case of its own.
    private static func lower(_ scalars: [Unicode.Scalar], _ place: Int) -> String {
        guard scalars[place] == "\u{3A3}" else { return scalars[place].properties.lowercaseMapping }
        let before = scalars[..<place].last { !$0.properties.isCaseIgnorable }
        let after = scalars[(place + 1)...].first { !$0.properties.isCaseIgnorable }
        return before?.properties.isCased ?? false && !(after?.properties.isCased ?? false) ? "\u{3C2}" : "\u{3C3}"
    }

    // MARK: - Questions

    /// The methods of text that take no argument and give a boolean.
    func answer(to method: String) -> Bool? {
        func all(_ test: (Unicode.Scalar) -> Bool) -> Bool { !isEmpty && scalars.allSatisfy(test) }
        switch method {
        case "isascii": return isASCII
        case "isspace": return all(\.isPythonSpace)
        case "isalpha": return all(\.isPythonLetter)
        case "isdecimal": return all { $0.properties.numericType == .decimal }
        case "isdigit": return all { $0.isPythonDigit }
        case "isnumeric": return all { $0.properties.numericType != nil }
        case "isalnum": return all { $0.isPythonLetter || $0.properties.numericType != nil }
        case "isprintable": return scalars.allSatisfy(\.isPythonPrintable)
        case "isidentifier":
            return !isEmpty
                && scalars.enumerated().allSatisfy { place, scalar in
                    place == 0 ? scalar == "_" || scalar.properties.isXIDStart : scalar.properties.isXIDContinue
                }
        case "isupper": return hasOnly(\.isUppercase, not: \.isLowercase)
        case "islower": return hasOnly(\.isLowercase, not: \.isUppercase)
        case "istitle": return isTitle
        default: return nil
        }
    }

    private func hasOnly(
        _ kind: (Unicode.Scalar.Properties) -> Bool, not other: (Unicode.Scalar.Properties) -> Bool
    ) -> Bool {
        var found = false
        for scalar in string.unicodeScalars {
            let properties = scalar.properties
            if other(properties) || properties.generalCategory == .titlecaseLetter { return false }
            if kind(properties) { found = true }
        }
        return found
    }

    private var isTitle: Bool {
        var found = false
        var isAfterCased = false
        for scalar in string.unicodeScalars {
            let properties = scalar.properties
            if properties.isUppercase || properties.generalCategory == .titlecaseLetter {
                if isAfterCased { return false }
                isAfterCased = true
                found = true
            } else if properties.isLowercase {
                if !isAfterCased { return false }
                found = true
            } else {
                isAfterCased = false
            }
        }
        return found
    }
}

extension Unicode.Scalar {
    var isPythonLetter: Bool {
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }

    var isPythonDigit: Bool { properties.numericType == .decimal || properties.numericType == .digit }

    /// Whether `repr` shows the scalar as it is.
    var isPythonPrintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        case .spaceSeparator: self == " "
        default: true
        }
    }
}
