import Glibc

/// Numbers as a reader of a figure wants them: short, without the last digits that say nothing.
enum NumberText {
    /// A number with some significant digits, without closing zeros: 0.6931, 12.5, 200000, 3e-7.
    static func short(_ value: Double, digits: Int = 4) -> String {
        guard value.isFinite else { return "\(value)" }
        guard value != 0 else { return "0" }
        let magnitude = abs(value)
        let exponent = Int(floor(log10(magnitude)))
        let sign = value < 0 ? "−" : ""
        if exponent < -4 || exponent > 6 {
            let mantissa = magnitude / pow(10, Double(exponent))
            let text = plain(mantissa, decimals: max(0, digits - 2))
            return text == "10" ? "\(sign)1e\(exponent + 1)" : "\(sign)\(text)e\(exponent)"
        }
        return sign + plain(magnitude, decimals: max(0, digits - 1 - exponent))
    }

    /// The same as programs read it, with seven digits.
    static func plain(_ value: Double) -> String {
        var text = short(value, digits: 7)
        if text.hasPrefix("−") { text = "-" + text.dropFirst() }
        return text
    }

    /// The label of a tick, in the form of all ticks of its axis.
    static func tick(_ value: Double, step: Double, decimals: Int, greatest: Double) -> String {
        if abs(value) < step / 1000 { return "0" }
        let sign = value < 0 ? "−" : ""
        let magnitude = abs(value)
        for (unit, letter) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] where greatest >= 10 * unit && step >= unit / 10 {
            return sign + plain(magnitude / unit, decimals: 2) + letter
        }
        if greatest < 1e-3 || step < 1e-4 || greatest >= 1e7 { return short(value, digits: 3) }
        var text = plain(magnitude, decimals: decimals)
        if decimals > 0 {
            if !text.contains(".") { text += "." }
            while text.count - (text.firstIndex(of: ".").map { text.distance(from: text.startIndex, to: $0) } ?? 0) - 1 < decimals {
                text += "0"
            }
        }
        return sign + text
    }

    /// A number from 0 to 10 million with at most some decimals.
    private static func plain(_ value: Double, decimals: Int) -> String {
        let scale = pow(10, Double(min(decimals, 12)))
        let rounded = (value * scale).rounded() / scale
        if rounded == rounded.rounded(), rounded < 1e15 { return "\(Int(rounded))" }
        return rounded < 1e-4 ? "\(Int(0))" : "\(rounded)"
    }

    /// A pixel, to a tenth.
    static func pixel(_ value: Double) -> String {
        let tenths = Int((max(-1e6, min(1e6, value)) * 10).rounded())
        let (whole, tenth) = (abs(tenths) / 10, abs(tenths) % 10)
        return (tenths < 0 ? "-" : "") + (tenth == 0 ? "\(whole)" : "\(whole).\(tenth)")
    }
}
