import Checkpoints
import Kernels

extension TensorView {
    /// Some elements of a float32, float16 or bfloat16 tensor as float32.
    package func widen(from start: Int, into target: UnsafeMutablePointer<Float>, count: Int) {
        guard let base = bytes.baseAddress else { return }
        let source = base + start * elementType.size
        switch elementType {
        case .float16: Conversion.fromFloat16(source, into: target, count: count)
        case .bfloat16: Conversion.fromBFloat16(source, into: target, count: count)
        default: UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: 4 * count)
        }
    }
}
