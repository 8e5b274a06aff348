/// The regular expressions by which published byte-level tokenizers cut a text into words, as a set of parameters.
///
/// They all are one list of alternatives in the same order (contractions, words, numbers, symbols, line breaks, white
/// space) and differ in how each alternative is written. Recognising the alternatives one by one, by their exact
/// text, covers GPT-2, Llama 3, Qwen 2, OLMo 2, SmolLM 3, GPT-4, GPT-4o, Mistral Nemo and their relatives.
struct WordPattern: Sendable, Equatable {
    enum Contractions: Sendable { case none, caseSensitive, caseInsensitive }

    enum Words: Sendable {
        /// Letters with at most one space before them.
        case afterSpace
        /// Letters with at most one scalar before them that is no letter, number or line break.
        case afterSymbol
        /// The same, where marks count as letters.
        case afterSymbolWithMarks
        /// The same, cut where a lowercase letter meets an uppercase one.
        case cased
        /// The same, and a contraction stays with its word.
        case casedWithContraction
    }

    enum Numbers: Sendable, Equatable {
        case afterSpace
        case upTo(Int)
    }

    /// The characters that may follow a run of symbols and stay with it.
    enum Tail: Sendable { case nothing, newlines, newlinesAndSlashes }

    var contractions = Contractions.none
    var words = Words.afterSpace
    var numbers = Numbers.afterSpace
    /// Whether marks are left out of a run of symbols.
    var symbolsExcludeMarks = false
    var symbolTail = Tail.nothing
    /// Whether a run of white space is cut after its last line break.
    var cutsAfterNewlines = false

    /// GPT-2's own, which a `ByteLevel` pre-tokenizer uses unless told otherwise.
    static let gpt2 = WordPattern(contractions: .caseSensitive)

    init(contractions: Contractions) { self.contractions = contractions }

    /// The parameters of a published expression; nil if it isn't one.
    init?(expression: String) {
        var rest = expression[...]
        func take<Choice>(_ choices: [(String, Choice)]) -> Choice? {
            for (text, choice) in choices where rest.utf8.starts(with: (text + "|").utf8) {
                rest = rest[rest.utf8.index(rest.startIndex, offsetBy: text.utf8.count + 1)...]
                return choice
            }
            return nil
        }
        contractions = take(WordPattern.contractionTexts) ?? .none
        guard let words = take(WordPattern.wordTexts), let numbers = take(WordPattern.numberTexts),
            let symbols = take(WordPattern.symbolTexts)
        else { return nil }
        self.words = words
        self.numbers = numbers
        (symbolsExcludeMarks, symbolTail) = symbols
        cutsAfterNewlines = take([(#"\s*[\r\n]+"#, true), (#"\s*[\r\n]"#, true)]) ?? false
        guard [#"\s+(?!\S)|\s+"#, #"\s+(?!\S)|\s"#].contains(where: { rest.utf8.elementsEqual($0.utf8) }) else {
            return nil
        }
    }

    private static let contractionTexts: [(String, Contractions)] = [
        ("'s|'t|'re|'ve|'m|'ll|'d", .caseSensitive),
        ("(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])", .caseInsensitive),
        ("(?i:'s|'t|'re|'ve|'m|'ll|'d)", .caseInsensitive),
        ("'(?i:[sdmt]|ll|ve|re)", .caseInsensitive),
    ]

    private static let wordTexts: [(String, Words)] = {
        let symbol = #"[^\r\n\p{L}\p{N}]?"#
        let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#
        let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
        let contraction = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        func cased(_ end: String) -> String { "\(symbol)\(upper)*\(lower)+\(end)|\(symbol)\(upper)+\(lower)*\(end)" }
        return [
            (#" ?\p{L}+"#, .afterSpace),
            (symbol + #"\p{L}+"#, .afterSymbol),
            // Possessive quantifiers change nothing where nothing could be given back.
            (symbol + #"+\p{L}+"#, .afterSymbol),
            (symbol + #"+\p{L}++"#, .afterSymbol),
            (symbol + #"[\p{L}\p{M}]+"#, .afterSymbolWithMarks),
            (cased(""), .cased),
            (cased(contraction), .casedWithContraction),
        ]
    }()

    private static let numberTexts: [(String, Numbers)] = [
        (#" ?\p{N}+"#, .afterSpace),
        (#"\p{N}{1,3}"#, .upTo(3)),
        (#"\p{N}{1,2}"#, .upTo(2)),
        (#"\p{N}+"#, .upTo(.max)),
        (#"\p{N}"#, .upTo(1)),
    ]

    private static let symbolTexts: [(String, (Bool, Tail))] = [
        (#" ?[^\s\p{L}\p{N}]+"#, (false, .nothing)),
        (#" ?[^\s\p{L}\p{N}]+[\r\n]*"#, (false, .newlines)),
        (#" ?[^\s\p{L}\p{N}]++[\r\n]*"#, (false, .newlines)),
        (#" ?[^\s\p{L}\p{N}]++[\r\n]*+"#, (false, .newlines)),
        (#" ?[^\s\p{L}\p{N}]+[\r\n/]*"#, (false, .newlinesAndSlashes)),
        (#" ?[^\s\p{L}\p{M}\p{N}]+"#, (true, .nothing)),
        (#" ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"#, (true, .newlines)),
        (#" ?[^\s\p{L}\p{M}\p{N}]+[\r\n/]*"#, (true, .newlinesAndSlashes)),
    ]
}
