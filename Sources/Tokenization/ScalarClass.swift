/// The classes of Unicode scalars that splitting patterns speak of.
struct ScalarClass: OptionSet, Sendable {
    let rawValue: UInt8

    static let letter = ScalarClass(rawValue: 1)        // \p{L}
    static let number = ScalarClass(rawValue: 2)        // \p{N}
    static let space = ScalarClass(rawValue: 4)         // \s, the White_Space property
    static let mark = ScalarClass(rawValue: 8)          // \p{M}
    static let upper = ScalarClass(rawValue: 16)        // \p{Lu}\p{Lt}
    static let lower = ScalarClass(rawValue: 32)        // \p{Ll}
    static let newline = ScalarClass(rawValue: 64)      // [\r\n]
    static let punctuation = ScalarClass(rawValue: 128)  // \p{P}
}

/// Classes of all scalars in two levels: a page number per 256 scalars, and the distinct pages. Asking
/// `Unicode.Scalar.Properties` for every scalar of a text would be several times slower.
struct ScalarClassTable: Sendable {
    static let unicode = ScalarClassTable()

    private let pageOfBlock: [UInt16]
    private let pages: [ScalarClass]

    private init() {
        var pageOfBlock: [UInt16] = []
        var pages: [ScalarClass] = []
        var known: [[UInt8]: UInt16] = [:]
        for block in 0..<0x1100 {
            // Planes 4 to 13 hold no character, planes 15 and 16 private ones only.
            let classes: [ScalarClass] =
                (0x400..<0xE00).contains(block) || block >= 0xF00
                ? Array(repeating: [], count: 256)
                : (0..<256).map { ScalarClassTable.classify(UInt32(block << 8 + $0)) }
            let page = known[classes.map(\.rawValue)] ?? {
                let page = UInt16(pages.count / 256)
                pages += classes
                known[classes.map(\.rawValue)] = page
                return page
            }()
            pageOfBlock.append(page)
        }
        self.pageOfBlock = pageOfBlock
        self.pages = pages
    }

    subscript(scalar: UInt32) -> ScalarClass {
        pages[Int(pageOfBlock[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)]
    }

    /// The `tokenizers` library splits by Unicode 16. Characters that came later are unassigned to it, and
    /// U+0295, which Unicode 17 made an uncased letter, is lowercase.
    private static func classify(_ value: UInt32) -> ScalarClass {
        guard let scalar = Unicode.Scalar(value), let age = scalar.properties.age, age.major <= 16 else { return [] }
        var classes: ScalarClass = scalar.properties.isWhitespace ? .space : []
        if value == 0x0A || value == 0x0D { classes.insert(.newline) }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .titlecaseLetter: classes.formUnion([.letter, .upper])
        case .lowercaseLetter: classes.formUnion([.letter, .lower])
        case .modifierLetter, .otherLetter: classes.formUnion(value == 0x295 ? [.letter, .lower] : .letter)
        case .decimalNumber, .letterNumber, .otherNumber: classes.insert(.number)
        case .nonspacingMark, .spacingMark, .enclosingMark: classes.insert(.mark)
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            classes.insert(.punctuation)
        default: break
        }
        return classes
    }
}

extension Unicode.Scalar {
    /// `\w` of the patterns around added tokens: alphabetic, a mark, a decimal digit, a connector or a joiner.
    var isWord: Bool {
        if properties.isAlphabetic || properties.isJoinControl { return true }
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
        default: return false
        }
    }
}
