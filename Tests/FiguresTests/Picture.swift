/// The texts of an SVG file, read without a parser of XML: they are written in one form.
struct Picture {
    private(set) var parts: [(text: String, x: Double, y: Double)] = []

    init(_ svg: String) {
        for piece in svg.split(separator: "<text ").dropFirst() {
            guard let open = piece.firstIndex(of: ">"), let close = piece[open...].firstIndex(of: "<") else { continue }
            func number(_ name: String) -> Double? {
                piece[..<open].split(separator: " ").first { $0.hasPrefix("\(name)=\"") }
                    .flatMap { Double($0.dropFirst(name.count + 2).dropLast()) }
            }
            parts.append((String(piece[piece.index(after: open)..<close]), number("x") ?? 0, number("y") ?? 0))
        }
    }

    var texts: [String] { parts.map(\.text) }

    func boxes(ofTextsBeginning start: String) -> [(x: Double, y: Double)] {
        parts.filter { $0.text.hasPrefix(start) }.map { ($0.x, $0.y) }
    }
}
