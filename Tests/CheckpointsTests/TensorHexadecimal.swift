import Checkpoints

extension TensorView {
    /// The bytes as hexadecimal digits, as `Fixtures/values.json` has them.
    var hex: String { bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}
