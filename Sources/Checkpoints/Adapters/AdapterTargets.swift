/// Which modules of a model an adapter is for: PEFT's rule. A module is a tensor's name without ".weight", as
/// `transformers` names it: "model.layers.3.self_attn.q_proj".
package struct AdapterTargets: Sendable, Equatable {
    /// The modules that a configuration names.
    package enum Modules: Sendable, Equatable {
        /// Whole names, or their ends after a point: "q_proj", "self_attn.q_proj".
        case named([String])
        /// All linear modules but the head.
        case allLinear
        /// A regular expression of Python's for whole names. Kept as it came, but not evaluated: the tensors of an
        /// adapter say which modules it meant.
        case pattern(String)
    }

    package var modules: Modules
    /// `exclude_modules`: names, by the same rule, that are left out.
    package var excluded: [String] = []
    /// `layers_to_transform`: the only layers whose modules are taken, but for those named in full.
    package var layers: [Int]?
    /// `layers_pattern`: what the model calls its list of layers; empty: whatever comes before the first number.
    package var layerLists: [String] = []

    /// The word for all linear modules in a config, in any case.
    package static let allLinearName = "all-linear"

    package init(_ modules: Modules) { self.modules = modules }

    /// Why a choice of modules can't be made. The text names no place: only the caller knows whether it came from an
    /// adapter or from a run file.
    package struct Refusal: Error, Sendable, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    /// The modules that get an adapter, in the order given.
    ///
    /// - Parameters:
    ///   - linear: the model's linear modules, with the head if it is one of its own.
    ///   - head: the head's name, which `allLinear` leaves out.
    ///   - saved: `modules_to_save`, which get none.
    /// - Throws: `Refusal` when there is none, for a name that chooses none, and for a regular expression.
    package func choose(
        among linear: [String], head: String? = nil, saved: [String] = []
    ) throws(Refusal) -> [String] {
        switch modules {
        case .allLinear: break
        case .named(let names):
            for name in names where !linear.contains(where: { AdapterTargets.isNamed($0, by: [name]) }) {
                throw Refusal(
                    description: "\"\(name)\" names no linear module of this model; it has "
                        + AdapterTargets.kinds(of: linear).joined(separator: ", "))
            }
        case .pattern(let pattern):
            throw Refusal(
                description: "the regular expression \"\(pattern)\" isn't evaluated in this version; list the names, "
                    + "or use \(AdapterTargets.allLinearName)")
        }
        let chosen = linear.filter { covers($0, saved: saved) && (modules != .allLinear || $0 != head) }
        guard !chosen.isEmpty else {
            throw Refusal(
                description: "no linear module of this model is left by what is named, excluded and saved; it has "
                    + AdapterTargets.kinds(of: linear).joined(separator: ", "))
        }
        return chosen
    }

    /// The modules, among all those of a model that hold tensors, which `modules_to_save` asks for.
    /// - Throws: `Refusal` for a name that chooses none.
    package static func choose(saved names: [String], among modules: [String]) throws(Refusal) -> [String] {
        for name in names where !modules.contains(where: { isSaved($0, by: name) }) {
            throw Refusal(
                description: "\"\(name)\" names no module of this model; it has "
                    + kinds(of: modules).joined(separator: ", "))
        }
        return modules.filter { module in names.contains { isSaved(module, by: $0) } }
    }

    // MARK: - The rules

    /// Whether a module, if it is linear, may have an adapter; of a regular expression that is taken as said.
    func covers(_ module: String, saved: [String]) -> Bool {
        if AdapterTargets.isNamed(module, by: excluded) { return false }
        if saved.contains(where: { AdapterTargets.names($0, within: module) }) { return false }
        switch modules {
        case .allLinear, .pattern: return true
        case .named(let names):
            return names.contains(module) || AdapterTargets.isNamed(module, by: names) && isInChosenLayer(module)
        }
    }

    /// Whether a name is the module's, or its end after a point.
    static func isNamed(_ module: String, by names: [String]) -> Bool {
        names.contains { module == $0 || module.hasSuffix(".\($0)") }
    }

    /// Whether a name is a run of whole parts of the module's: "mlp" is within "model.layers.0.mlp.up_proj".
    static func names(_ name: String, within module: String) -> Bool {
        !name.isEmpty && ".\(module).".contains(".\(name).")
    }

    /// Whether `modules_to_save` with a name asks for a module. It does when the module's own name, or that of a module
    /// which it is in, ends so, even in the middle of a part: "norm" asks for every "input_layernorm".
    static func isSaved(_ module: String, by name: String) -> Bool {
        var rest = Substring(module)
        while !rest.hasSuffix(name) {
            guard let point = rest.lastIndex(of: ".") else { return false }
            rest = rest[..<point]
        }
        return true
    }

    private func isInChosenLayer(_ module: String) -> Bool {
        guard let layers, !layers.isEmpty else { return true }
        guard let layer = layer(of: module) else { return false }
        return layers.contains(layer)
    }

    /// The number of a module's layer: the first number with a part after it that stands behind the name of a list of
    /// layers. Without such names, at least one more part must come before the list.
    private func layer(of module: String) -> Int? {
        let parts = module.split(separator: ".", omittingEmptySubsequences: false)
        if layerLists.isEmpty { return AdapterTargets.firstNumber(in: parts, from: 2) { _ in true } }
        for list in layerLists {
            if let number = AdapterTargets.firstNumber(in: parts, from: 1, behind: { $0 == list }) { return number }
        }
        return nil
    }

    private static func firstNumber(
        in parts: [Substring], from start: Int, behind isList: (Substring) -> Bool
    ) -> Int? {
        for place in parts.indices.dropFirst(start).dropLast() where isList(parts[place - 1]) {
            if !parts[place].isEmpty, parts[place].utf8.allSatisfy({ (48...57).contains($0) }) {
                return Int(parts[place])
            }
        }
        return nil
    }

    /// The last parts of names, each once: what a user would write.
    private static func kinds(of modules: [String]) -> [String] {
        var seen: Set<Substring> = []
        return modules.compactMap { module in
            guard let last = module.split(separator: ".").last, seen.insert(last).inserted else { return nil }
            return String(last)
        }
    }
}
