import Glibc
import Storage

/// How fast each pair of a head's elements turns with the position, with the published ways of stretching a model's context.
public struct RotaryFrequencies: Sendable, Equatable {
    /// θ: pair i of E/2 turns by θ^(−2i/E) radians a position.
    public var theta: Double
    public var scaling: Scaling

    public enum Scaling: Sendable, Equatable {
        case none
        /// Positions divided by the factor (arXiv 2306.15595).
        case linear(factor: Double)
        /// Llama 3.1's: long wavelengths are divided by the factor, short ones kept, those between blended
        /// (arXiv 2407.21783, section 3.4, in the form of the released model code).
        case llama3(factor: Double, lowFrequency: Double, highFrequency: Double, originalPositions: Double)
    }

    /// Radians per position, E/2 of them.
    public func values(headWidth: Int) -> [Double] {
        (0..<headWidth / 2).map { i in
            let frequency = pow(theta, -2 * Double(i) / Double(headWidth))
            switch scaling {
            case .none: return frequency
            case .linear(let factor): return frequency / factor
            case .llama3(let factor, let low, let high, let original):
                let wavelength = 2 * Double.pi / frequency
                if wavelength < original / high { return frequency }
                if wavelength > original / low { return frequency / factor }
                let blend = (original / wavelength - low) / (high - low)
                return (1 - blend) * frequency / factor + blend * frequency
            }
        }
    }
}

extension RotaryFrequencies {
    /// Reads both spellings: `rope_parameters` (transformers 5) and `rope_theta` with `rope_scaling` (before).
    init(fields: ConfigFields, headWidth: Int, positions: Int) throws(ModelError) {
        let (name, group) =
            fields["rope_parameters"].map { ("rope_parameters", $0) }
            ?? fields["rope_scaling"].map { ("rope_scaling", $0) } ?? ("rope_scaling", [:])
        guard let object = group.object else { throw fields.wrong(name, group, "an object") }
        let inner = ConfigFields(object: object, file: "\(fields.file): \(name)")

        let outerTheta = try fields.number("rope_theta", default: 10_000)
        theta = try inner.number("rope_theta", default: outerTheta)
        guard theta > 0 else { throw fields.wrong("rope_theta", .number(theta), "a positive number") }
        for place in [fields, inner] {
            try place.require("partial_rotary_factor", isOneOf: [1, 1.0, .null], supported: "1")
        }

        var used: Set = ["rope_theta", "rope_type", "type", "partial_rotary_factor"]
        let (newName, oldName) = (try inner.string("rope_type"), try inner.string("type"))
        switch newName ?? oldName ?? "default" {
        case "default": scaling = .none
        case "linear":
            scaling = .linear(factor: try inner.number("factor"))
            used.insert("factor")
        case "llama3":
            scaling = .llama3(
                factor: try inner.number("factor"), lowFrequency: try inner.number("low_freq_factor"),
                highFrequency: try inner.number("high_freq_factor"),
                originalPositions: try inner.number("original_max_position_embeddings", default: Double(positions)))
            used.formUnion(["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"])
        case let other:
            throw .unsupported(file: inner.file, field: "rope_type", found: other, supported: "default, linear, llama3")
        }
        for field in object.names where !used.contains(field) && object[field] != .null {
            throw .unsupported(
                file: inner.file, field: field, found: object[field]?.text ?? "",
                supported: used.sorted().joined(separator: ", "))
        }
    }
}
