import Objectives
import Storage

/// Keys made of the constants that the losses declare.
enum ConstantKeys {
    /// In the order of the losses, each once.
    static let all: [Key<ConstantValue?>] = {
        var names: [String] = []
        for constant in Loss.all.flatMap(\.constants) where !names.contains(constant.name) {
            names.append(constant.name)
        }
        return names.map(key)
    }()

    /// The losses that read a constant, each with its own declaration of it.
    static func declarations(of name: String) -> [(loss: Loss, constant: Constant)] {
        Loss.all.compactMap { loss in loss.constants.first { $0.name == name }.map { (loss, $0) } }
    }

    /// The constant as a run's losses declare it together.
    static func declaration(of name: String, in losses: [Loss]) -> Constant? {
        Objective.declared(by: losses).first { $0.name == name }
    }

    private static func key(_ name: String) -> Key<ConstantValue?> {
        let declarations = declarations(of: name)
        let constants = declarations.map(\.constant)
        let kind = kind(constants)
        return Key(
            name, kind, meaning(declarations), default: standard(declarations),
            rivals: rivals(of: constants), readBy: .losses { loss in loss.constants.contains { $0.name == name } },
            identity: true,
            rule: Rule(with: "loss_type") { run in
                guard let constant = declaration(of: name, in: run.losses) else {
                    return .unused(because: "in a list of losses sft has a weight of its own, in loss_weights")
                }
                guard let entry = run.given[name] else { return nil }
                let own = self.kind([constant])
                do {
                    _ = try own.read(entry)
                    return nil
                } catch {
                    return .expected(own.words)
                }
            },
            synonyms: Synonym.ofConstants[name] ?? [])
    }

    /// The values that any of the losses takes; the rule looks at those of the run's own.
    private static func kind(_ constants: [Constant]) -> ValueKind<ConstantValue?> {
        var numbers: [NumberRange] = []
        var words: [String] = []
        for constant in constants {
            switch constant.domain {
            case .number(let range): numbers.append(range)
            case .word(let own): words += own
            }
        }
        guard let range = numbers.first else { return .word(words.uniqued) }
        guard numbers.contains(where: { $0 != range }) else { return .number(range) }
        let any = ValueKind.number(.any)
        return ValueKind(
            words: numbers.map(\.words).uniqued.joined(separator: ", or "), schema: any.schema, read: any.read,
            write: any.write)
    }

    private static func meaning(_ declarations: [(loss: Loss, constant: Constant)]) -> String {
        let meanings = declarations.map(\.constant.meaning).uniqued
        let groups = meanings.map { meaning in declarations.filter { $0.constant.meaning == meaning } }
        let usual = groups.reduce(groups[0]) { $1.count > $0.count ? $1 : $0 }
        let others = groups.filter { $0[0].constant.meaning != usual[0].constant.meaning }.map { group in
            " For \(group.map(\.loss.name).joined(separator: ", ")) \(group[0].constant.meaning)."
        }
        return sentence(usual[0].constant.meaning) + others.joined()
    }

    /// A letter of a formula stays as it is.
    private static func sentence(_ text: String) -> String {
        guard let first = text.first, first.isASCII, text.dropFirst().first != "," else { return text + "." }
        return first.uppercased() + text.dropFirst() + "."
    }

    /// The default that most losses have, then the others' with their reasons.
    private static func standard(_ declarations: [(loss: Loss, constant: Constant)]) -> Initial<ConstantValue?> {
        func words(_ value: ConstantValue?) -> String {
            value.map { YAMLText.inline(ValueKind<ConstantValue?>.yaml($0)) } ?? "none"
        }
        let values = declarations.map(\.constant.standard).uniqued
        let groups = values.map { value in declarations.filter { $0.constant.standard == value } }
        let usual = groups.reduce(groups[0]) { $1.count > $0.count ? $1 : $0 }
        var text = words(usual[0].constant.standard)
        for group in groups where group[0].constant.standard != usual[0].constant.standard {
            let names = group.map(\.loss.name).joined(separator: ", ")
            text += "; \(words(group[0].constant.standard)) for \(names): \(group[0].constant.reason)"
        }
        let name = usual[0].constant.name
        return .derived(text, usual[0].constant.reason) { declaration(of: name, in: $0.losses)?.standard }
    }

    /// Rivals are declared on both sides; the table wants them once, on the side that has a default.
    private static func rivals(of constants: [Constant]) -> [String] {
        constants.filter { $0.standard != nil }.flatMap(\.rivals).uniqued
    }
}

extension ValueKind where Value == ConstantValue? {
    fileprivate static func number(_ range: NumberRange) -> ValueKind {
        let number = ValueKind<Double>.number(range)
        return ValueKind(words: number.words, schema: number.schema) { entry throws(RunFileError) in
            .number(try number.read(entry))
        } write: {
            $0.map(yaml) ?? .null
        }
    }

    fileprivate static func word(_ words: [String]) -> ValueKind {
        let expected = YAMLText.alternatives(words)
        return ValueKind(words: expected, schema: ["enum": .array(words.map { .string($0) })]) {
            entry throws(RunFileError) in
            guard let word = entry.value.text, words.contains(word) else { throw entry.wrong(expected) }
            return .word(word)
        } write: {
            $0.map(yaml) ?? .null
        }
    }

    fileprivate static func yaml(_ value: ConstantValue) -> YAMLValue {
        switch value {
        case .number(let number): .number(number)
        case .word(let word): .string(word)
        }
    }
}

extension Array where Element: Equatable {
    /// Each element once, at its first place.
    var uniqued: [Element] { reduce(into: []) { if !$0.contains($1) { $0.append($1) } } }
}
