import Glibc
import Storage

extension RotaryFrequencies {
    /// Reads both spellings: `rope_parameters` (transformers 5) and `rope_theta` with `rope_scaling` (before), which goes
    /// first where a file has both.
    init(
        fields: ConfigFields, family: Family, _ rules: ConfigRules.Rotary, headWidth: Int, positions: Int
    ) throws(ModelError) {
        let newer = fields["rope_parameters"]
        let (name, group) =
            fields["rope_scaling"].flatMap { $0.object?.isEmpty == true ? nil : ("rope_scaling", $0) }
            ?? ("rope_parameters", newer ?? [:])
        guard let object = group.object else { throw fields.wrong(name, group, "an object") }
        let inner = ConfigFields(object: object, file: "\(fields.file): \(name)")

        let outerTheta = try fields.firstNumber(rules.theta)
        let outerShare = try fields.firstNumber(rules.share)
        theta = try inner.number("rope_theta", default: outerTheta ?? rules.usualTheta)
        guard theta > 1 else { throw fields.wrong("rope_theta", .number(theta), "a number above 1") }
        let share = try inner.number("partial_rotary_factor", default: outerShare ?? rules.usualShare)
        width = Int(Double(headWidth) * share)
        guard width > 0, (width + 1) / 2 * 2 <= headWidth else {
            throw .inconsistent(
                file: fields.file,
                reason:
                    "\(width) of the \(headWidth) elements of a head would turn; rotary positions need pairs of them")
        }

        let (newName, oldName) = (try inner.string("rope_type"), try inner.string("type"))
        let given = newName ?? oldName ?? "default"
        let kind = rules.synonyms[given] ?? given
        switch kind {
        case "default": scaling = .none
        case "linear": scaling = .linear(factor: try inner.factor())
        case "dynamic":
            scaling = .dynamic(factor: try inner.factor(), positions: positions)
            guard width > 2 else {
                throw .inconsistent(file: inner.file, reason: "dynamic scaling needs more than one pair in a head")
            }
        case "llama3":
            scaling = .llama3(
                factor: try inner.factor(), lowFrequency: try inner.number("low_freq_factor"),
                highFrequency: try inner.number("high_freq_factor"),
                originalPositions: Double(try inner.originalPositions(fields, rules, positions)))
        case "yarn": scaling = .yarn(try inner.yarn(fields, rules, positions))
        case "longrope": scaling = try inner.longRope(fields, rules, positions, pairs: width / 2)
        case let other:
            throw .unsupported(
                file: inner.file, field: "rope_type", found: other,
                supported: "default, linear, dynamic, llama3, yarn, longrope")
        }
        // Phi-3 names it whatever its positions are.
        fields.ignore("original_max_position_embeddings")
        if width % 2 == 1, scaling != .none {
            throw .inconsistent(file: inner.file, reason: "\(kind) scaling with an odd rotary width \(width)")
        }
        try inner.refuseUnread(family: family)
    }
}

extension ConfigFields {
    /// The first of these fields that is there. All of them count as read.
    fileprivate func firstNumber(_ names: [String]) throws(ModelError) -> Double? {
        var found: Double?
        for name in names {
            let number = try optionalNumber(name)
            found = found ?? number
        }
        return found
    }

    fileprivate func factor() throws(ModelError) -> Double {
        let factor = try number("factor")
        guard factor > 0 else { throw wrong("factor", .number(factor), "a positive number") }
        return factor
    }

    /// The context the model was first trained with: the config's own field before the group's (`self`), as
    /// `transformers` has it. Phi-3's config class always has one.
    fileprivate func originalPositions(
        _ outer: ConfigFields, _ rules: ConfigRules.Rotary, _ positions: Int
    ) throws(ModelError) -> Int {
        let own = try optionalSize("original_max_position_embeddings")
        let usual = rules.usualOriginalPositions ?? own ?? positions
        return try outer.size("original_max_position_embeddings", default: usual)
    }

    fileprivate func yarn(
        _ outer: ConfigFields, _ rules: ConfigRules.Rotary, _ positions: Int
    ) throws(ModelError) -> RotaryFrequencies.Yarn {
        let original = try originalPositions(outer, rules, positions)
        let factor = try number("factor", default: Double(positions) / Double(original))
        let (scale, allScale) = (try optionalNumber("mscale") ?? 0, try optionalNumber("mscale_all_dim") ?? 0)
        func growth(_ scale: Double) -> Double { factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1 }
        let usual = scale != 0 && allScale != 0 ? growth(scale) / growth(allScale) : growth(1)
        let (fast, slow) = (try optionalNumber("beta_fast") ?? 0, try optionalNumber("beta_slow") ?? 0)
        return RotaryFrequencies.Yarn(
            factor: factor, fast: fast == 0 ? 32 : fast, slow: slow == 0 ? 1 : slow,
            originalPositions: Double(original), truncates: try bool("truncate", default: true),
            attention: try number("attention_factor", default: usual))
    }

    fileprivate func longRope(
        _ outer: ConfigFields, _ rules: ConfigRules.Rotary, _ positions: Int, pairs: Int
    ) throws(ModelError) -> RotaryFrequencies.Scaling {
        let original = try originalPositions(outer, rules, positions)
        let factor = try number("factor", default: Double(positions) / Double(original))
        let usual = factor <= 1 ? 1 : (1 + log(factor) / log(Double(original))).squareRoot()
        return .longRope(
            short: try numbers("short_factor", count: pairs), long: try numbers("long_factor", count: pairs),
            originalPositions: original, attention: try number("attention_factor", default: usual))
    }
}
