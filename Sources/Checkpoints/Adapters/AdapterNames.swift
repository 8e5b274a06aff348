/// PEFT's names of an adapter's tensors.
///
/// In memory each name also holds the adapter's own ("….lora_A.default.weight"); `save_pretrained` leaves it out, other
/// writers don't always.
package enum AdapterNames {
    package static let prefix = "base_model.model."

    /// A's.
    package static func a(_ module: String) -> String { prefix + module + ".lora_A.weight" }
    /// B's.
    package static func b(_ module: String) -> String { prefix + module + ".lora_B.weight" }
    /// DoRA's m.
    package static func magnitude(_ module: String) -> String { prefix + module + ".lora_magnitude_vector" }
    /// A tensor of `modules_to_save`, by its name in the model.
    package static func saved(_ tensor: String) -> String { prefix + tensor }

    /// The kinds of tensors in an adapter's file.
    enum Meaning: Equatable {
        case a(module: String)
        case b(module: String)
        case magnitude(module: String)
        /// The frozen matrix, saved along.
        case frozen(module: String)
        case saved(tensor: String)
        /// Something of an adapter that isn't one of the above; `what` says it to the user.
        case unknown(what: String)

        /// The name by which the tensor is found, whatever the file has within it.
        var name: String? {
            switch self {
            case .a(let module): AdapterNames.a(module)
            case .b(let module): AdapterNames.b(module)
            case .magnitude(let module): AdapterNames.magnitude(module)
            case .frozen(let module): prefix + module + ".base_layer.weight"
            case .saved(let tensor): AdapterNames.saved(tensor)
            case .unknown: nil
            }
        }
    }

    /// - Returns: the meaning, and the adapter's name if the file has it.
    static func read(_ name: String) -> (meaning: Meaning, adapter: String?) {
        guard name.hasPrefix(prefix) else {
            return (.unknown(what: "doesn't begin with \"\(prefix)\""), nil)
        }
        let parts = name.dropFirst(prefix.count).split(separator: ".", omittingEmptySubsequences: false)
        for (place, part) in parts.enumerated() {
            let module = parts[..<place].joined(separator: ".")
            let rest = Array(parts[(place + 1)...])
            let isOne = rest == ["weight"]
            let isNamed = rest.count == 2 && rest[1] == "weight"
            switch part {
            case "lora_A" where isOne || isNamed: return (.a(module: module), isNamed ? String(rest[0]) : nil)
            case "lora_B" where isOne || isNamed: return (.b(module: module), isNamed ? String(rest[0]) : nil)
            case "lora_magnitude_vector" where rest.isEmpty || isOne: return (.magnitude(module: module), nil)
            case "lora_magnitude_vector" where rest.count == 1 || isNamed:
                return (.magnitude(module: module), String(rest[0]))
            case "base_layer" where isOne: return (.frozen(module: module), nil)
            case "modules_to_save" where rest.count >= 2:
                return (.saved(tensor: module + "." + rest.dropFirst().joined(separator: ".")), String(rest[0]))
            case "lora_embedding_A", "lora_embedding_B":
                return (
                    .unknown(
                        what: "adapts an embedding, which isn't available in this version; train it with "
                            + "modules_to_save instead"), nil
                )
            case _ where part.hasPrefix("lora_") || part == "base_layer" || part == "token_adapter":
                return (.unknown(what: "is of a kind that isn't available in this version"), nil)
            default: break
            }
        }
        return (.saved(tensor: parts.joined(separator: ".")), nil)
    }
}
