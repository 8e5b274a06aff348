import Glibc

/// A number with a fixed number of decimals, independent of the locale.
package func fixed(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
    let scale = pow(10, Double(decimals))
    let rounded = (abs(value) * scale).rounded()
    let whole = UInt64(rounded / scale)
    let sign = value < 0 && rounded > 0 ? "-" : ""
    guard decimals > 0 else { return "\(sign)\(whole)" }
    let fraction = String(UInt64(rounded) - whole * UInt64(scale))
    return "\(sign)\(whole)." + String(repeating: "0", count: max(0, decimals - fraction.count)) + fraction
}

/// A whole number with a comma between its thousands.
package func grouped(_ number: Int) -> String {
    var digits = String(number)
    var groups: [String] = []
    while digits.count > 3 {
        groups.insert(String(digits.suffix(3)), at: 0)
        digits.removeLast(3)
    }
    return ([digits] + groups).joined(separator: ",")
}

/// Text filled with spaces to a width: on the right, or for a negative width on the left.
package func pad(_ text: String, _ width: Int) -> String {
    let spaces = String(repeating: " ", count: max(0, abs(width) - text.count))
    return width < 0 ? spaces + text : text + spaces
}

/// Bytes as a person reads them.
package func readableBytes(_ bytes: Int) -> String {
    if bytes >= 1 << 30 { return fixed(Double(bytes) / Double(1 << 30), 2) + " GiB" }
    if bytes >= 1 << 20 { return fixed(Double(bytes) / Double(1 << 20), 1) + " MiB" }
    return fixed(Double(bytes) / 1024, 1) + " KiB"
}

/// Seconds as a person reads them.
package func readableDuration(_ seconds: Double) -> String {
    let total = Int(max(0, seconds).rounded())
    if total >= 3600 { return "\(total / 3600)h\(pad2(total / 60 % 60))m" }
    if total >= 60 { return "\(total / 60)m\(pad2(total % 60))s" }
    return "\(total)s"
}

private func pad2(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
