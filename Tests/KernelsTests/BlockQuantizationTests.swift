import Kernels
import Testing

@Suite struct BlockQuantizationTests {
    @Test("eight-bit blocks hold every element to half a step of their scale")
    func rounding() {
        var random = Random(1)
        var x = random.floats(96)
        for i in 32..<64 { x[i] = 0 }
        for i in 64..<96 { x[i] *= 0.1 }
        var bytes = [UInt8](repeating: 0xAA, count: 3 * BlockQuantization.blockBytes + 4)
        bytes.withUnsafeMutableBytes { BlockQuantization.toQ8(x, into: $0.baseAddress!, count: 96) }
        #expect(bytes.suffix(4).allSatisfy { $0 == 0xAA })
        for block in 0..<3 {
            let start = block * BlockQuantization.blockBytes
            let scale = Float(Float16(bitPattern: UInt16(bytes[start]) | UInt16(bytes[start + 1]) << 8))
            let largest = x[32 * block..<32 * block + 32].reduce(Float(0)) { max($0, abs($1)) }
            #expect(abs(scale - largest / 127) <= 1e-3 * scale)
            for i in 0..<32 {
                let value = Float(Int8(bitPattern: bytes[start + 2 + i])) * scale
                #expect(abs(value - x[32 * block + i]) <= 0.51 * largest / 127 + 1e-3 * abs(value))
            }
        }
    }
}
