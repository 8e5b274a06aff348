import Objectives

/// Reads the values of a run's keys and gathers all that is wrong with them.
struct RunReading {
    private let file: String
    private var values = RunValues()
    private var faults: [RunFileFault]
    /// Keys whose values couldn't be read, so that nothing more is said of them.
    private var unreadable: Set<String> = []
    private let order: [String]
    private let nulls: Set<String>

    init(_ source: RunFileSource, faults: [RunFileFault]) {
        file = source.file
        self.faults = faults
        let given = source.entries.filter { !RunReading.isBlank($0) }
        order = given.map(\.key)
        nulls = Set(source.entries.filter(\.value.isNull).map(\.key))
        for entry in given { values.given[entry.key] = entry }
        refuseUnknown(given)
        refuseContradictions(given)
        readValues()
        checkReaders()
        checkRules()
    }

    /// - Throws: all faults, in the order of the file.
    func result() throws(RunFileError) -> (RunValues, Objective) {
        var faults = faults
        do throws(ObjectiveError) {
            let objective = try values.objective()
            if faults.isEmpty { return (values, objective) }
        } catch {
            // What its constants lack has been said with each of them, unless they are wrong together only.
            if faults.isEmpty {
                let place = values.given["loss_type"]?.place ?? .line(file: file, 1)
                faults.append(
                    .wrongValue(
                        place, key: "loss_type", found: values.loss.types.joined(separator: ", "),
                        expected: "losses and constants that go together: \(error)"))
            }
        }
        throw RunFileError(faults.enumerated().sorted { rank($0) < rank($1) }.map(\.element))
    }

    /// By file, line and the order of finding; the command line after the file, what is missing last.
    private func rank(_ fault: (offset: Int, element: RunFileFault)) -> (Int, Int, Int) {
        switch fault.element.place {
        case .line(let file, let line): (file == self.file ? 1 : 0, line, fault.offset)
        case .override: (2, fault.offset, 0)
        case .argument, nil: (3, fault.offset, 0)
        }
    }

    private static func isBlank(_ entry: YAMLEntry) -> Bool {
        entry.value.isNull || (KeyTable.byName[entry.key]?.blank).map { entry.value.text == $0 } ?? false
    }

    private mutating func refuseUnknown(_ given: [YAMLEntry]) {
        for entry in given where KeyTable.byName[entry.key] == nil {
            // What is said under another name is said: no other fault may follow from its absence.
            if let (key, _) = ForeignKeys.counterpart(of: entry) { unreadable.insert(key.name) }
            if entry.key == "extends" {
                faults.append(.unused(entry.place, key: "extends", because: "it is for run files, not for --set"))
                continue
            }
            faults.append(
                ForeignKeys.fault(of: entry, among: given)
                    ?? .unknownKey(entry.place, key: entry.key, nearest: KeyTable.nearest(to: entry.key)))
        }
    }

    private mutating func refuseContradictions(_ given: [YAMLEntry]) {
        for (index, entry) in given.enumerated() {
            let rivals = KeyTable.rivals[entry.key] ?? []
            guard let other = given[..<index].first(where: { rivals.contains($0.key) }) else { continue }
            faults.append(
                .contradiction(entry.place, key: entry.key, otherPlace: other.place, otherKey: other.key))
        }
    }

    private mutating func readValues() {
        // Defaults of some keys depend on others, which are declared before them and so are filled in before them.
        var absent: [any AnyKey] = []
        for key in KeyTable.keys {
            guard let entry = values.given[key.name] else {
                absent.append(key)
                continue
            }
            do throws(RunFileError) {
                try key.read(entry, into: &values)
            } catch {
                faults += error.faults
                unreadable.insert(key.name)
                absent.append(key)
            }
        }
        for key in absent { key.fill(&values, isNull: nulls.contains(key.name)) }
    }

    private mutating func checkReaders() {
        guard !unreadable.contains("loss_type") else { return }
        for key in KeyTable.keys {
            let isRead = values.isRead(key.readers)
            if let entry = values.given[key.name], !isRead {
                let types = values.loss.types.joined(separator: ", ")
                faults.append(.unused(entry.place, key: key.name, because: "loss_type \(types) doesn't read it"))
                unreadable.insert(key.name)
            } else if isRead, values.given[key.name] == nil, !unreadable.contains(key.name),
                let remedy = key.remedyIfMissing
            {
                faults.append(.missing(file: file, key: key.name, remedy: remedy))
            }
        }
    }

    private mutating func checkRules() {
        for name in order {
            guard let key = KeyTable.byName[name], let rule = key.rule, let entry = values.given[name],
                unreadable.isDisjoint(with: [name] + rule.keys)
            else { continue }
            switch rule.objection(values) {
            case .unused(let because): faults.append(.unused(entry.place, key: name, because: because))
            case .expected(let expected): faults.append(entry.wrong(expected).faults[0])
            case .within(let inner): faults += inner
            case nil: break
            }
        }
    }
}
