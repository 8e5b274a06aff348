import Scratch
import Storage
import Testing

@Suite("JSON")
struct JSONTests {
    private func failure(_ text: String) -> String? { failure(Array(text.utf8)) }

    private func failure(_ bytes: [UInt8]) -> String? {
        do throws(JSONError) {
            _ = try JSON.parse(bytes)
            return nil
        } catch {
            return error.description
        }
    }

    @Test("every kind of value is read")
    func kinds() throws {
        let value = try JSON.parse(" {\"a\": [null, true, false, -1, 2.5, \"x\"],\n\t\"b\": {}, \"c\": []}\r\n")
        #expect(value == ["a": [nil, true, false, -1, 2.5, "x"], "b": [:], "c": []])
        #expect(
            value["a"]?.array?.map(\.kind)
                == ["null", "a boolean", "a boolean", "a number", "a number", "a string"])
    }

    @Test("escapes stand for their characters")
    func escapes() throws {
        let value = try JSON.parse(#""\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\uD83D\ude00\u0000""#)
        #expect(value.string == "\"\\/\u{8}\u{C}\n\r\tA\u{E9}\u{20AC}\u{1F600}\u{0}")
    }

    @Test(
        "half a surrogate pair is refused at its place",
        arguments: [#""\uD83D""#, #""\uDE00""#, #""\uD83Dx""#, #""\uD83D\n""#, #""\uD83D\u0041""#, #""\uD83D\uD83D""#])
    func surrogates(text: String) {
        #expect(failure(text)?.hasSuffix("half of a surrogate pair") == true)
    }

    @Test("Python's NaN and infinities are refused, and the reason says what to write", arguments: ["NaN", "Infinity", "-Infinity"])
    func noNumbers(text: String) {
        #expect(
            failure("{\"a\": \(text)}")
                == "not valid JSON at byte 6: JSON has no NaN and no Infinity (Python writes them); write null where there is no "
                + "number")
    }

    @Test("a name that appears twice is refused")
    func duplicates() {
        #expect(failure(#"{"a": 1, "b": 2, "a": 3}"#)?.contains("byte 17: the name \"a\" appears twice") == true)
        #expect(failure(#"{"a": 1, "\u0061": 3}"#) != nil)
    }

    @Test("names that only look alike are two names")
    func canonicalEquivalence() throws {
        // Both spellings of é, and the Ångström sign: Swift takes each pair for one string, vocabularies hold both.
        let value = try JSON.parse("{\"\u{E9}\": 1, \"e\u{301}\": 2, \"\u{212B}\": 3, \"\u{C5}\": 4}")
        #expect(value["\u{E9}"] == 1)
        #expect(value["e\u{301}"] == 2)
        #expect(value["\u{212B}"] == 3)
        #expect(value["\u{C5}"] == 4)
        #expect(JSON.string("\u{E9}") != JSON.string("e\u{301}"))
    }

    @Test("nesting is allowed to its bound and no further")
    func depth() throws {
        let lists = { (count: Int) in String(repeating: "[", count: count) + String(repeating: "]", count: count) }
        #expect(throws: Never.self) { try JSON.parse(lists(128)) }
        #expect(failure(lists(129))?.contains("nested too deeply") == true)
        #expect(failure(String(repeating: "[", count: 1_000_000)) != nil)
        #expect(failure(String(repeating: "{\"a\":", count: 1_000_000)) != nil)
    }

    @Test("whole numbers stay exact, larger ones become floating point")
    func integers() throws {
        #expect(try JSON.parse("9223372036854775807") == .integer(.max))
        #expect(try JSON.parse("-9223372036854775808") == .integer(.min))
        #expect(try JSON.parse("9223372036854775808") == .number(9_223_372_036_854_775_808))
        #expect(try JSON.parse("9223372036854775808").integer == nil)
        #expect(try JSON.parse("0") == .integer(0))
        #expect(try JSON.parse("3.0").integer == 3)
        #expect(try JSON.parse("3.5").integer == nil)
        #expect(try JSON.parse("7").double == 7)
    }

    @Test("other numbers are read to the last bit")
    func numbers() throws {
        #expect(try JSON.parse("0.1") == .number(0.1))
        #expect(try JSON.parse("-0.0").double?.sign == .minus)
        #expect(try JSON.parse("1E+2") == .number(100))
        #expect(try JSON.parse("1e-7") == .number(1e-7))
        #expect(try JSON.parse("4.9406564584124654e-324") == .number(.leastNonzeroMagnitude))
        #expect(try JSON.parse("1e-400") == .number(0))
        #expect(try JSON.parse("1.7976931348623157e308") == .number(.greatestFiniteMagnitude))
        #expect(failure("1e400")?.contains("out of range") == true)
    }

    @Test("what isn't JSON's way to write a value is refused")
    func malformed() {
        let texts = [
            "", " ", "01", "-", "+1", ".5", "1.", "1e", "1e+", "0x10", "NaN", "Infinity", "-Infinity", "nul", "True",
            "tru", "[1,]", "[,1]", "[1 2]", "[1", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{'a':1}", "1 2",
            "[] x", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\", "\"a\nb\"", "\"a\u{0}b\"", "// c\n1",
            "\u{FEFF}1", "1\u{0}", "\u{A0}1",
        ]
        for text in texts {
            #expect(failure(text)?.hasPrefix("not valid JSON at byte") == true, "\(text.debugDescription)")
        }
    }

    @Test(
        "strings that aren't UTF-8 are refused",
        arguments: [
            [0x80], [0xC3], [0xC0, 0xAF], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF],
        ] as [[UInt8]])
    func invalidUTF8(bytes: [UInt8]) {
        #expect(failure([0x22] + bytes + [0x22])?.contains("byte 0: the string that starts here is not UTF-8") == true)
        #expect(failure([0x22, 0x5C, 0x6E] + bytes + [0x22]) != nil)
        #expect(failure([0x7B, 0x22] + bytes + [0x22, 0x3A, 0x31, 0x7D]) != nil)
        #expect(failure(bytes) != nil)
    }

    @Test("what is written reads back the same, in the same order")
    func roundTrip() throws {
        let value: JSON = [
            "z": [1, -2.5, 1e300, 5e-324, 0.1, true, nil], "a": ["": "\u{1}\"\\\n\r\t\u{1F600}\u{E9}/\u{7F}\u{2028}"],
            "empty": [[], [:]],
        ]
        #expect(try JSON.parse(value.text) == value)
        #expect(try JSON.parse(value.prettyText) == value)
        #expect(try JSON.parse(value.text).object?.names == ["z", "a", "empty"])
        #expect(!value.text.contains("\n"))
        #expect(JSON.number(.infinity).text == "null")
        #expect(JSON.number(3).text == "3.0")
    }

    @Test("members are replaced, appended and removed by name")
    func members() {
        var object: JSONObject = ["a": 1, "b": 2, "c": 3]
        object["b"] = nil
        object["a"] = 4
        object["d"] = 5
        object["x"] = nil
        #expect(object.names == ["a", "c", "d"])
        #expect(object["c"] == 3)
        #expect(object == ["d": 5, "c": 3, "a": 4])
        #expect(object != ["d": 5, "c": 3])
    }

    @Test("2,000 damaged texts are refused or read, never fatal, and what is read can be written")
    func fuzz() throws {
        let text = #"{"a": [1, -2.5e+10, "x\u00e9\ud83d\ude00\n", true, null], "é": {"b": [[], {}]}, "c": 0}"#
        let seed = Array(text.utf8)
        var generator = SeededGenerator(state: 1)
        var readable = 0
        for _ in 0..<2000 {
            guard let value = try? JSON.parse(mutated(seed, with: &generator)) else { continue }
            readable += 1
            let again = try JSON.parse(value.text)
            #expect(again == value)
        }
        #expect(readable > 20)
    }
}
