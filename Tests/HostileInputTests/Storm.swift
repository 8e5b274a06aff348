import Glibc
import Scratch
import Storage
import Testing

/// Many damaged copies of something sound, each given to a reader that must refuse it or take it, but never crash, hang or
/// fill the memory. Seeds and numbers of cases are fixed: what fails once fails again.
enum Storm {
    /// Processor seconds that one case may take: a sound input takes thousandths.
    private static let limit = 2.0

    /// `PREFOPT_STORM=20` makes twenty times the cases, the fixed ones first: for a search, not for CI.
    private static let times = getenv("PREFOPT_STORM").flatMap { Int(String(cString: $0)) } ?? 1

    /// - Parameter read: throws for what it refuses.
    /// - Returns: how many cases were refused.
    @discardableResult
    static func run(
        _ name: String, seed: UInt64, cases: Int, damage: (inout SeededGenerator) throws -> [UInt8],
        read: (_ bytes: [UInt8]) throws -> Void
    ) throws -> Int {
        var generator = SeededGenerator(state: seed)
        var refused = 0
        for number in 0..<cases * times {
            let bytes = try damage(&generator)
            let start = processorSeconds()
            do { try read(bytes) } catch { refused += 1 }
            let taken = processorSeconds() - start
            if taken > limit {
                Issue.record(
                    "\(name), case \(number): took \(taken) s: \(String(decoding: bytes.prefix(200), as: UTF8.self))")
            }
        }
        return refused
    }

    /// Of this thread: the machine may be busy with others.
    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// A file of another target's tests, or of the goldens.
    static func fixture(_ path: String) -> String {
        FileSystem.join(FileSystem.parent(of: FileSystem.parent(of: #filePath)), path)
    }
}

/// Damage that keeps JSON whole but makes it say something else, which changed bytes seldom do.
enum Distortion {
    /// Values that readers trip over: absurd numbers, other types, empty things, deep things.
    private static let strange: [JSON] = [
        .null, true, false, 0, 1, -1, 2, .integer(.max), .integer(.min), .integer(1 << 24), .integer(1 << 31),
        .integer(1 << 32), .integer(1 << 53), .number(1e300), .number(-1e300), .number(5e-324), .number(0.5),
        .number(-0.0),
        "", "\u{0}", "../../etc/passwd", "/dev/zero", "a", "\u{FEFF}", "💥",
        .string(String(repeating: "x", count: 5000)),
        [], [[]], [nil], [0], ["a"], [["a", "b"]], .object([:]), ["a": 1], ["type": "Sequence"], ["content": nil],
        .array(Array(repeating: 0, count: 300)), .array(Array(repeating: "a", count: 300)),
        .array(Array(repeating: [1, 2], count: 300)),
    ]

    /// One to three places changed: a value replaced, a member or an element gone, doubled, or put elsewhere.
    static func of(_ value: JSON, with generator: inout SeededGenerator) -> JSON {
        var value = value
        for _ in 0..<Int.random(in: 1...3, using: &generator) { value = changed(value, &generator) }
        return value
    }

    private static func changed(_ value: JSON, _ generator: inout SeededGenerator) -> JSON {
        switch value {
        case .object(let object) where !object.isEmpty && Int.random(in: 0..<8, using: &generator) > 0:
            var object = object
            let name = object.names.randomElement(using: &generator)!
            switch Int.random(in: 0..<10, using: &generator) {
            case 0: object[name] = nil
            case 1: object[object.names.randomElement(using: &generator)!] = object[name]
            case 2: object["\(name)2"] = object[name]
            default: object[name] = changed(object[name]!, &generator)
            }
            return .object(object)
        case .array(let elements) where !elements.isEmpty && Int.random(in: 0..<8, using: &generator) > 0:
            var elements = elements
            let place = elements.indices.randomElement(using: &generator)!
            switch Int.random(in: 0..<10, using: &generator) {
            case 0: elements.remove(at: place)
            case 1: elements.append(elements[place])
            case 2: elements.swapAt(place, elements.indices.randomElement(using: &generator)!)
            case 3: elements = Array(elements.prefix(place))
            default: elements[place] = changed(elements[place], &generator)
            }
            return .array(elements)
        case .integer(let number) where Bool.random(using: &generator):
            return .integer(
                [number &+ 1, number &- 1, 0 &- number, number &* 2, number / 2].randomElement(using: &generator)!)
        default: return strange.randomElement(using: &generator)!
        }
    }
}

extension JSON {
    var bytes: [UInt8] { Array(text.utf8) }
}
