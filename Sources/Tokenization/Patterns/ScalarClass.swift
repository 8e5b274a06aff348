/// The classes of Unicode scalars that splitting patterns speak of: a bit for each general category, and three more.
struct ScalarClass: OptionSet, Sendable {
    let rawValue: UInt32

    init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The categories' names in the order of their bits. Surrogates (`Cs`) don't occur in text.
    private static let categoryNames = [
        ("lu", "uppercaseletter"), ("ll", "lowercaseletter"), ("lt", "titlecaseletter"), ("lm", "modifierletter"),
        ("lo", "otherletter"), ("mn", "nonspacingmark"), ("mc", "spacingmark"), ("me", "enclosingmark"),
        ("nd", "decimalnumber"), ("nl", "letternumber"), ("no", "othernumber"), ("pc", "connectorpunctuation"),
        ("pd", "dashpunctuation"), ("ps", "openpunctuation"), ("pe", "closepunctuation"),
        ("pi", "initialpunctuation"), ("pf", "finalpunctuation"), ("po", "otherpunctuation"), ("sm", "mathsymbol"),
        ("sc", "currencysymbol"), ("sk", "modifiersymbol"), ("so", "othersymbol"), ("zs", "spaceseparator"),
        ("zl", "lineseparator"), ("zp", "paragraphseparator"), ("cc", "control"), ("cf", "format"),
        ("co", "privateuse"), ("cn", "unassigned"),
    ]

    private static let groupNames = [
        "letter": "l", "mark": "m", "number": "n", "punctuation": "p", "punct": "p", "symbol": "s", "separator": "z",
        "other": "c",
    ]

    /// The classes of a property's name in small letters without spaces, such as `l`, `lu`, `uppercaseletter` or `word`;
    /// nil for one that they don't make up.
    init?(property name: String) {
        switch name {
        case "word": self = .word
        case "digit": self = .digit
        case "lc", "casedletter": self = .first(3, from: 0)
        case "punctuationorsymbol": self = .first(11, from: 11)
        default:
            let short = ScalarClass.groupNames[name] ?? name
            var bits: UInt32 = 0
            for (index, category) in ScalarClass.categoryNames.enumerated()
            where category.0 == short || short.utf8.count == 1 && category.0.hasPrefix(short) || category.1 == name {
                bits |= 1 << UInt32(index)
            }
            guard bits != 0 else { return nil }
            rawValue = bits
        }
    }

    /// Whether it is of at least one of some classes.
    @inline(__always)
    func isAny(of classes: ScalarClass) -> Bool { !isDisjoint(with: classes) }

    private static func first(_ count: UInt32, from start: UInt32) -> ScalarClass {
        ScalarClass(rawValue: (1 << count - 1) << start)
    }

    static let letter = first(5, from: 0)  // \p{L}
    static let upper = ScalarClass(rawValue: 0b101)  // \p{Lu}\p{Lt}
    static let lower = ScalarClass(rawValue: 0b10)  // \p{Ll}
    static let mark = first(3, from: 5)  // \p{M}
    static let nonspacingMark = first(1, from: 5)  // \p{Mn}
    static let digit = first(1, from: 8)  // \p{Nd}
    static let number = first(3, from: 8)  // \p{N}
    static let otherNumber = first(1, from: 10)  // \p{No}
    static let connector = first(1, from: 11)  // \p{Pc}
    static let punctuation = first(7, from: 11)  // \p{P}
    static let other = first(4, from: 25)  // \p{C}
    static let unassigned = first(1, from: 28)  // \p{Cn}
    static let space = first(1, from: 29)  // \s, the White_Space property
    static let newline = first(1, from: 30)  // [\r\n]
    static let word = first(1, from: 31)  // \w: alphabetic, a mark, a decimal digit, a connector

    fileprivate init(_ category: Unicode.GeneralCategory) {
        let bit: UInt32 =
            switch category {
            case .uppercaseLetter: 0
            case .lowercaseLetter: 1
            case .titlecaseLetter: 2
            case .modifierLetter: 3
            case .otherLetter: 4
            case .nonspacingMark: 5
            case .spacingMark: 6
            case .enclosingMark: 7
            case .decimalNumber: 8
            case .letterNumber: 9
            case .otherNumber: 10
            case .connectorPunctuation: 11
            case .dashPunctuation: 12
            case .openPunctuation: 13
            case .closePunctuation: 14
            case .initialPunctuation: 15
            case .finalPunctuation: 16
            case .otherPunctuation: 17
            case .mathSymbol: 18
            case .currencySymbol: 19
            case .modifierSymbol: 20
            case .otherSymbol: 21
            case .spaceSeparator: 22
            case .lineSeparator: 23
            case .paragraphSeparator: 24
            case .control: 25
            case .format: 26
            case .privateUse: 27
            default: 28
            }
        rawValue = 1 << bit
    }
}

/// Classes of all scalars in two levels: a page number per 256 scalars, and the distinct pages. Asking
/// `Unicode.Scalar.Properties` for every scalar of a text would be several times slower.
struct ScalarClassTable: @unchecked Sendable {
    static let unicode = ScalarClassTable()

    // Built once and never freed: plain pointers, so that a look-up in the innermost loop counts no references.
    private let pageOfBlock: UnsafePointer<UInt16>
    private let pages: UnsafePointer<ScalarClass>

    private init() {
        var pageOfBlock: [UInt16] = []
        var pages: [ScalarClass] = []
        var known: [[UInt32]: UInt16] = [:]
        for block in 0..<0x1100 {
            // Most of the upper planes holds no character at all.
            let classes: [ScalarClass] =
                (0x324..<0xE00).contains(block) || (0xE02..<0xF00).contains(block)
                ? Array(repeating: .unassigned, count: 256)
                : (0..<256).map { ScalarClassTable.classify(UInt32(block << 8 + $0)) }
            let page =
                known[classes.map(\.rawValue)]
                ?? {
                    let page = UInt16(pages.count / 256)
                    pages += classes
                    known[classes.map(\.rawValue)] = page
                    return page
                }()
            pageOfBlock.append(page)
        }
        func keep<Element>(_ elements: [Element]) -> UnsafePointer<Element> {
            let copy = UnsafeMutablePointer<Element>.allocate(capacity: elements.count)
            copy.initialize(from: elements, count: elements.count)
            return UnsafePointer(copy)
        }
        self.pageOfBlock = keep(pageOfBlock)
        self.pages = keep(pages)
    }

    @inline(__always)
    subscript(scalar: UInt32) -> ScalarClass {
        pages[Int(pageOfBlock[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)]
    }

    /// The same for a scalar below U+0100, which is on the first page.
    @inline(__always)
    subscript(ascii byte: UInt8) -> ScalarClass { pages[Int(byte)] }

    /// The scalars of which something holds, given their classes.
    func ranges(where isMember: (UInt32, ScalarClass) -> Bool) -> [ClosedRange<UInt32>] {
        var ranges: [ClosedRange<UInt32>] = []
        var start: UInt32?
        for value in UInt32(0)..<0x110000 {
            let isInside = isMember(value, self[value])
            if isInside, start == nil { start = value }
            if !isInside, let first = start {
                ranges.append(first...value - 1)
                start = nil
            }
        }
        if let start { ranges.append(start...0x10FFFF) }
        return ranges
    }

    /// The `tokenizers` library splits by Unicode 16. Characters that came later are unassigned to it, and
    /// U+0295, which Unicode 17 made an uncased letter, is lowercase.
    private static func classify(_ value: UInt32) -> ScalarClass {
        guard let scalar = Unicode.Scalar(value) else { return .unassigned }
        let properties = scalar.properties
        var classes = ScalarClass(properties.generalCategory)
        if classes == .unassigned || properties.age.map({ $0.major > 16 }) ?? false {
            return .unassigned
        }
        if value == 0x295 { classes = .lower }
        // To Oniguruma the six fractions and superscripts of Latin-1 are word characters; other numbers are not.
        if properties.isAlphabetic || classes.isAny(of: [.mark, .digit, .connector])
            || value < 0x100 && classes.isAny(of: .number)
        {
            classes.insert(.word)
        }
        if properties.isWhitespace { classes.insert(.space) }
        if value == 0x0A || value == 0x0D { classes.insert(.newline) }
        return classes
    }
}

extension Unicode.Scalar {
    /// `\w` of the patterns around added tokens: alphabetic, a mark, a decimal digit, a connector or a joiner.
    var isWord: Bool {
        // To the library's Unicode 16 a later character is no letter.
        if let age = properties.age, age.major > 16 { return false }
        if properties.isAlphabetic || properties.isJoinControl { return true }
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
        default: return false
        }
    }
}
