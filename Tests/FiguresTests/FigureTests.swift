import Figures
import Scratch
import Testing

@Suite("Figures") struct FigureTests {
    private func curve(_ count: Int, noise: Double = 0.2) -> [(x: Double, y: Double)] {
        var random = SeededGenerator(state: 1)
        return (0..<count).map { step in
            let x = Double(step)
            let deviation = Double.random(in: -noise...noise, using: &random)
            return (x: x, y: 1 / (1 + x) + deviation)
        }
    }

    @Test("a curve of 200,000 steps becomes a small picture that keeps its highest and lowest point") func long() {
        var figure = Figure("Loss", x: Axis("step"), y: Axis("loss"))
        var points = curve(200_000)
        points[77_777].y = 9.25
        points[150_001].y = -3.5
        figure.line("train", points, .faint)
        #expect(figure.svg.utf8.count < 150_000)
        let kept = figure.decimated.csv
        #expect(kept.contains("train,77777,9.25,"))
        #expect(kept.contains("train,150001,-3.5,"))
        // The figure's own table has them all.
        #expect(figure.csv.split(separator: "\n").count == 200_001)
    }

    @Test("the same figure is the same text; text of the user is escaped and cut") func text() {
        func picture() -> String {
            var figure = Figure("a < b & \"c\"\u{1}", x: Axis("x"), y: Axis("", .categories(["<script>", String(repeating: "wide ", count: 60)])))
            figure.points("<b>", [DataPoint(1, 0, label: "p & q"), DataPoint(2, 1)])
            return figure.svg
        }
        let svg = picture()
        #expect(svg == picture())
        #expect(svg.contains("a &lt; b &amp; &quot;c&quot;<"))
        #expect(!svg.contains("<script>") && !svg.contains("<b>") && !svg.contains("\u{1}"))
        #expect(svg.contains("p &amp; q") && svg.contains("…"))
    }

    @Test("numbers that aren't finite are gaps; a figure without any is empty") func gaps() {
        var figure = Figure("Loss", x: Axis("step"), y: Axis("loss", .logarithmic))
        figure.line("a", [(1, .nan), (2, .infinity)])
        #expect(figure.isEmpty)
        figure.line("b", [(1, 1), (2, .nan), (3, 0.01), (4, -1), (5, 0.1)])
        #expect(!figure.isEmpty)
        let svg = figure.svg
        #expect(!svg.contains("nan") && !svg.contains("inf"))
    }

    @Test("hover says what each dot, bar and place of a curve is") func hover() {
        var figure = Figure("Reward against KL", x: Axis("KL"), y: Axis("reward"))
        figure.points("DPO", [DataPoint(2.125, 0.75, yError: 0.5...1, label: "β 0.1", note: "seed 3")])
        figure.line("held-out", [(1, 0.25), (2, 0.5)])
        figure.histogram("after", edges: [0, 1, 2], counts: [3, 4])
        let svg = figure.svg
        #expect(svg.contains("<title>DPO, β 0.1\nKL: 2.125\nreward: 0.75 (0.5 to 1)\nseed 3</title>"))
        #expect(svg.contains("<title>KL 2\nheld-out: 0.5</title>"))
        #expect(svg.contains("<title>KL 1 to 2\nafter: 4</title>"))
        #expect(svg.contains("role=\"img\""))
    }

    @Test("labels of dots cover neither dots nor each other") func labels() {
        var figure = Figure("Labels", x: Axis("x"), y: Axis("y"))
        figure.points("", (0..<12).map { DataPoint(Double($0 % 4), Double($0 / 4), label: "label \($0)") })
        let boxes = Picture(figure.svg).boxes(ofTextsBeginning: "label")
        #expect(boxes.count == 12)
        for (index, box) in boxes.enumerated() {
            #expect(!boxes[(index + 1)...].contains { abs($0.x - box.x) < 40 && abs($0.y - box.y) < 13 })
        }
    }

    @Test("CSV with bands, bins and quoted names") func table() {
        var figure = Figure("T", x: Axis("x"), y: Axis("y"))
        figure.band("95 %, \"all\"", [(x: 1, low: 0.5, high: 0.75)])
        figure.histogram("h", edges: [0, 0.5, 1], counts: [2, 3])
        figure.level("zero", 0)
        #expect(
            figure.csv == """
                series,x,y,x_low,x_high,y_low,y_high,label
                "95 %, ""all""\",1,,,,0.5,0.75,
                h,,2,0,0.5,,,
                h,,3,0.5,1,,,
                zero,,0,,,,,

                """)
    }

    @Test("ticks are round numbers, with thousands and powers where they are long") func ticks() {
        func labels(_ low: Double, _ high: Double, _ scale: Axis.Scale = .linear) -> [String] {
            var figure = Figure("", x: Axis("", scale, range: low...high), y: Axis("", range: 0...1))
            figure.line("", [(low, 0), (high, 1)])
            return Picture(figure.svg).texts.filter { !["0", "0.2", "0.4", "0.6", "0.8", "1.0"].contains($0) || scale == .logarithmic }
        }
        #expect(labels(0, 200_000).contains("100k"))
        #expect(labels(0, 3e-7).contains("1e-7"))
        #expect(labels(-3, 3).contains("−2"))
        #expect(labels(0.01, 1000, .logarithmic).contains("0.01"))
    }

    @Test("bins hold every number once") func histogram() {
        let values = curve(500).map(\.y)
        let edges = Histogram.edges(of: [values, [2.5]])
        let counts = Histogram.counts(of: values, edges: edges)
        #expect(counts.reduce(0, +) == 500)
        #expect(edges.last == 2.5)
        #expect(Histogram.edges(of: [[], []]).isEmpty)
        #expect(Histogram.counts(of: [1, 1], edges: Histogram.edges(of: [[1, 1]])) == [2])
    }

    @Test("a smoothed curve keeps a straight line, and passes over gaps") func smoothing() {
        let line: [(x: Double, y: Double)] = (0..<50).map { (x: Double($0), y: 2 * Double($0)) }
        #expect(zip(smoothed(line, window: 9), line).allSatisfy { abs($0.y - $1.y) < 1e-9 })
        let gap = smoothed([(0, 1), (1, .nan), (2, 3)], window: 3)
        #expect(gap[1].y == 2)
    }
}
