import Scratch
import Storage
import Tables
import Testing

@Suite("Tables as text") struct TextTableTests {
    let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func rows(_ text: String, as name: String) throws -> String {
        let path = try folder.write(text, as: name)
        do { return JSON.array(try Rows.of(path)).text } catch {
            return "\(error)".replacing(path, with: name)
        }
    }

    @Test(
        "a JSON document is its list, or the one list in its object",
        arguments: [
            #"[{"a": 1}, {"a": [2, {"b": "],}\""}]}]"#,
            "\u{FEFF} [\n{\"a\": 1} ,{\"a\": [2, {\"b\": \"],}\\\"\"}]}\n]\n",
            #"{"version": "1, {[", "info": {"x": [1]}, "data": [{"a": 1}, {"a": [2, {"b": "],}\""}]}], "n": 3}"#,
            "{\n  \"data\": [\n{\"a\": 1},\n{\"a\": [2, {\"b\": \"],}\\\"\"}]}\n]}\n",
        ])
    func documents(text: String) throws {
        #expect(try rows(text, as: "rows.json") == #"[{"a": 1}, {"a": [2, {"b": "],}\""}]}]"#)
    }

    @Test("a file called .json may hold one object per line")
    func linesAsDocument() throws {
        #expect(try rows("{\"a\": [{}]}\n{\"a\": 2}\n", as: "rows.json") == #"[{"a": [{}]}, {"a": 2}]"#)
        #expect(try rows("[{\"a\": 1}]", as: "rows") == #"[{"a": 1}]"#)
        #expect(try rows("", as: "rows.json") == "[]")
        #expect(try rows("[]", as: "rows.json") == "[]")
    }

    @Test(
        "broken documents say where",
        arguments: [
            ("[{\"a\": 1}\n{\"a\": 2}]", "rows.json:2: ',' or ']' is missing between two rows"),
            ("[{\"a\": 1},\n3]", "rows.json:2: a row is not an object"),
            ("[{\"a\": 1},\n{\"a\": \"", "rows.json:2: the text ends in the middle of a value"),
            ("[{\"a\": 1}] []", "rows.json:1: more text follows the list"),
            ("{\"a\": [{}], \"b\": []}", "rows.json:1: the object has a second list"),
            ("{\"a\": 1}", "rows.json:1: the object has no list"),
        ])
    func brokenDocuments(text: String, message: String) throws {
        #expect(
            try rows(text, as: "rows.json") == message
                + "; expected a list of objects, an object with one list of them, or one object per line")
    }

    @Test("CSV cells may be quoted and hold separators, quotes and newlines")
    func csv() throws {
        let text = "\u{FEFF}prompt,chosen,\"re\"\"jected\"\r\nA,\"b, \"\"c\"\"\nd\",\r\n\n,é,\"\"\n"
        let expected: JSON = [
            ["prompt": "A", "chosen": "b, \"c\"\nd", "re\"jected": ""],
            ["prompt": "", "chosen": "é", "re\"jected": ""],
        ]
        #expect(try rows(text, as: "rows.csv") == expected.text)
        #expect(try rows("a\tb\n1,\t\"x\ty\"", as: "rows.tsv") == #"[{"a": "1,", "b": "x\ty"}]"#)
        #expect(try rows("", as: "rows.csv") == "[]")
    }

    @Test("CSV rows know their lines")
    func csvLines() throws {
        var reader = try TableReader(path: try folder.write("a,b\n\"1\n2\",3\n4,5\n", as: "rows.csv"))
        #expect(try reader.next()?.line == 2)
        #expect(try reader.next()?.line == 4)
        #expect(try reader.next() == nil)
    }

    @Test(
        "broken CSV says where and what to do",
        arguments: [
            (
                "a,b\n1,2,3\n",
                "rows.csv:2: the record has 3 cells; the header has 2: "
                    + "put cells that hold the separator, quotes or newlines into double quotes"
            ),
            ("a,b\n1,\"2\n", "rows.csv:2: the quoted cell that begins here has no end"),
            (
                "a,b\n1,\"2\"3\n",
                "rows.csv:2: text follows a cell's closing quote; double the quotes inside a quoted cell"
            ),
            ("a,a\n", "rows.csv:1: the header names \"a\" twice; the first record names them"),
            ("a,\n", "rows.csv:1: column 2 of the header has no name; the first record names them"),
        ])
    func brokenCSV(text: String, message: String) throws {
        #expect(try rows(text, as: "rows.csv") == message)
    }

    @Test("a folder stands for its data files of one format, in the order of their names")
    func folders() throws {
        for name in [
            "shards/b.jsonl.gz", "shards/a.jsonl", "shards/README.md", "shards/.hidden.csv", "mixed/a.csv",
            "mixed/b.parquet", "none/x.txt",
        ] {
            _ = try folder.write("", as: name)
        }
        let shards = folder.file("shards")
        #expect(try DataFolder.files(shards) == [shards + "/a.jsonl", shards + "/b.jsonl.gz"])
        #expect(try DataFolder.files(shards + "/README.md") == [shards + "/README.md"])
        func complaint(_ name: String) -> String {
            do throws(TableError) { return "no error: \(try DataFolder.files(folder.file(name)))" } catch {
                return error.description.replacing(folder.path + "/", with: "")
            }
        }
        #expect(
            complaint("mixed")
                == "mixed: the folder has CSV (a.csv) and Parquet (b.parquet); list the files that are meant")
        #expect(
            complaint("none")
                == "none: the folder has no data files (JSONL, JSON, CSV, TSV, Parquet); name the folder they lie in")
    }

    @Test(
        "formats are told by name, Parquet by its mark too",
        arguments: [
            ("a.jsonl.gz", TableFormat.jsonLines), ("a.ndjson", .jsonLines), ("A.JSON.zst", .document),
            ("a.csv.gz", .csv),
            ("a.tsv", .tsv), ("train-00000-of-00001.parquet", .parquet), ("README", nil), ("a.gz", nil),
        ])
    func names(name: String, format: TableFormat?) {
        #expect(TableFormat(name: name) == format)
    }
}
