import Objectives

/// Turns the keys of a recipe into run file keys, one after the other.
struct RecipeConversion {
    let recipe: Recipe
    let trainer: PeerTrainer
    private(set) var values: [String: YAMLValue] = [:]
    var notes: [RecipeImport.Note] = []

    init(_ recipe: Recipe, of trainer: PeerTrainer) {
        self.recipe = recipe
        self.trainer = trainer
    }

    mutating func convert() {
        for entry in recipe.entries where !convertSpecial(entry) { convertPlain(entry) }
        chooseLoss()
        for implied in trainer.defaults(recipe, loss: loss) { imply(implied) }
        dropUnread()
    }

    /// The first loss of the run file so far.
    var loss: String { values["loss_type"].flatMap { $0.text ?? $0.list?.first?.text } ?? "sigmoid" }

    mutating func set(_ key: String, _ value: YAMLValue) { values[key] = value }

    mutating func note(
        _ entry: YAMLEntry, _ verdict: RecipeImport.Note.Verdict, _ text: String = ""
    ) {
        notes.append(
            .init(key: entry.key, value: YAMLText.inline(entry.value), verdict: verdict, text: text))
    }

    // MARK: - By the key table

    private mutating func convertPlain(_ entry: YAMLEntry) {
        if let (key, index) = ForeignKeys.counterpart(of: entry) {
            let synonym = key.synonyms[index]
            // A more precise key has said it already, or says it later.
            let better = key.synonyms[(index + 1)...].map(\.name) + [key.name]
            guard !better.contains(where: { recipe[$0] != nil }) else {
                return note(entry, .converted, "said by \(key.name)")
            }
            guard let value = synonym.convert(entry.value) else {
                return note(entry, .dropped, entry.value.bool == false ? "" : "\(key.name) has no such value")
            }
            return take(entry, as: key, value)
        }
        guard let key = KeyTable.byName[entry.key] else {
            guard let foreign = ForeignKey.all.first(where: { $0.covers(entry.key) }) else {
                return note(entry, .unknown)
            }
            return note(entry, .dropped, foreign.text)
        }
        take(entry, as: key, entry.value)
    }

    /// Takes a value if its key can have it.
    private mutating func take(_ entry: YAMLEntry, as key: any AnyKey, _ value: YAMLValue) {
        if key.blank.map({ value.text == $0 }) ?? false { return note(entry, .same, "not limited by it") }
        var scratch = RunValues()
        do throws(RunFileError) {
            try key.read(YAMLEntry(key: key.name, value: value, place: entry.place), into: &scratch)
        } catch {
            return note(entry, .dropped, "\(key.name) is \(key.words) here")
        }
        let written = key.written(in: scratch)
        set(key.name, written)
        let isSame = key.name == entry.key && YAMLText.inline(written) == YAMLText.inline(value)
        note(
            entry, isSame || written.number == value.number && key.name == entry.key ? .same : .converted,
            isSame ? "" : "\(key.name): \(YAMLText.inline(written))")
    }

    private mutating func imply(_ implied: PeerTrainer.Default) {
        guard values[implied.key] == nil, KeyTable.byName[implied.key] != nil,
            !(KeyTable.rivals[implied.key] ?? []).contains(where: { values[$0] != nil })
        else { return }
        set(implied.key, implied.value)
        notes.append(
            .init(
                key: implied.key, value: YAMLText.inline(implied.value), verdict: .implied, text: implied.reason))
    }

    /// Takes out what the loss or the other keys leave unread: other trainers ignore it in silence.
    private mutating func dropUnread() {
        for _ in 0..<4 {
            let yaml = values.map { YAMLText.line($0.key, $0.value) }.joined()
            do throws(RunFileError) {
                _ = try RunFile(yaml: yaml, file: "")
                return
            } catch {
                var isChanged = false
                for case .unused(_, let key, let because) in error.faults {
                    guard let value = values.removeValue(forKey: key) else { continue }
                    isChanged = true
                    notes.append(.init(key: key, value: YAMLText.inline(value), verdict: .dropped, text: because))
                }
                if !isChanged { return }
            }
        }
    }
}
