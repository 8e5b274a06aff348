/// The colours of figures, in light and dark. Most eyes that take some colours for others tell them apart, and they are
/// legible on their ground (contrast of 3 to 1 at least).
enum Palette {
    static let light = ["#0b62a8", "#c2410c", "#137a3f", "#8b2fc9", "#8a6d00", "#be1850", "#0e7490", "#5b5750"]
    static let dark = ["#6cb6ff", "#ff9b5e", "#5bd18b", "#c99bff", "#e3b341", "#ff8fa3", "#56d4dd", "#c9c5c0"]

    static func light(_ colour: Int) -> String { light[colour % light.count] }

    static func name(_ colour: Int) -> String { "c\(colour % light.count + 1)" }

    /// The style of a figure. What doesn't know variables keeps to the colours written beside the marks.
    static let style: String = {
        func variables(_ ink: String, _ pale: String, _ grid: String, _ paper: String, _ colours: [String]) -> String {
            "--fi:var(--figure-ink,\(ink));--fm:var(--figure-pale,\(pale));--fg:var(--figure-grid,\(grid));"
                + "--fp:var(--figure-paper,\(paper));"
                + colours.enumerated().map { "--f\($0.offset + 1):var(--figure-\($0.offset + 1),\($0.element))" }
                .joined(separator: ";")
        }
        let series = light.indices.map { ".figure .c\($0 + 1){color:var(--f\($0 + 1))}" }.joined()
        return "<style>.figure{\(variables("#1f2328", "#59636e", "#e3e6ea", "#ffffff", light))}"
            + "@media screen and (prefers-color-scheme:dark){.figure{"
            + variables("#e6edf3", "#9aa4af", "#30363d", "#15191f", dark) + "}}"
            + ".figure text{fill:var(--fi)}.figure .halo{stroke:var(--fp);stroke-width:3px;paint-order:stroke;stroke-linejoin:round}.figure .pale{fill:var(--fm)}.figure .paper{fill:var(--fp)}"
            + ".figure .grid{stroke:var(--fg)}.figure .axis{stroke:var(--fi)}.figure .moment{stroke:var(--fm)}"
            + series + ".figure .hover{fill:#888;fill-opacity:0}.figure .hover:hover{fill-opacity:.18}</style>"
    }()
}
