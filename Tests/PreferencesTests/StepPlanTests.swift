import Foundation
import Objectives
import Preferences
import Testing

@Suite("Step plans")
struct StepPlanTests {
    // MARK: Cover

    @Test("an epoch holds every pair once, in full global batches but the last", arguments: [1, 3, 5], [false, true])
    func cover(worldSize: Int, shuffle: Bool) {
        let planner = planner(Self.mixed(200), batch: 32, tokens: 900, world: worldSize, shuffle: shuffle)
        for epoch in 0..<2 {
            var seen: [Int] = []
            let plans = planner.epoch(epoch)
            for step in plans.steps {
                let plan = plans.plan(step: step)
                check(plan, planner)
                #expect(plan.epoch == epoch && plan.step == step)
                #expect(plan.judgements.count == 32 || step == plans.steps.last)
                seen += plan.judgements
            }
            #expect(seen.sorted() == Array(0..<planner.judgements))
            #expect((seen == Array(0..<planner.judgements)) == !shuffle)
        }
    }

    @Test("pairs of one comparison that fall in one step share its prompt and each response")
    func sharing() {
        let ranked = ComparisonShape(
            promptLength: 10, responseLengths: [5, 6, 7, 8],
            judgements: Self.pairs([0, 1], [0, 3], [1, 3]))
        let planner = planner([ranked], batch: 8, tokens: 1000, world: 1)
        let planned = planner.plan(step: 0).microBatches[0].comparisons[0]
        #expect(planned.responses == [0, 1, 3])
        #expect(planned.rows == 10 + 4 + 5 + 7)
        #expect(planned.scoredTokens == 5 + 6 + 8)
        #expect(planned.judgements == 0..<3 && planned.positions == 0..<3)
    }

    @Test("a comparison at the edge of a step is split, each part with what it needs")
    func splitting() {
        let ranked = ComparisonShape(
            promptLength: 4, responseLengths: [5, 6, 7],
            judgements: Self.pairs([0, 1], [0, 2], [2, 1]))
        let planner = planner([ranked, ranked], batch: 2, tokens: 1000, world: 1, shuffle: false)
        #expect(planner.stepsPerEpoch == 3)
        let parts = (0..<3).map { planner.plan(step: $0).microBatches.flatMap(\.comparisons) }
        #expect(parts.map { $0.map(\.judgements) } == [[0..<2], [2..<3, 3..<4], [4..<6]])
        #expect(parts.map { $0.map(\.comparison) } == [[0], [0, 1], [1]])
        #expect(parts[1].map(\.responses) == [[1, 2], [0, 1]])
        #expect(parts[1].map(\.positions) == [0..<1, 1..<2])
    }

    @Test("without rejected responses only the chosen ones have rows")
    func chosenOnly() {
        let shape = ComparisonShape(promptLength: 3, responseLengths: [9, 4], judgements: [.demonstration(1)])
        let planned = planner([shape], batch: 1, tokens: 100, world: 1).plan(step: 0).microBatches[0].comparisons[0]
        #expect(planned.responses == [1] && planned.rows == 6)
    }

    // MARK: Order

    @Test("the order is the seed's and the epoch's, and the same every time")
    func determinism() {
        let shapes = Self.mixed(300)
        let planner = planner(shapes, batch: 16, tokens: 500, world: 3)
        #expect(planner.plan(step: 5) == self.planner(shapes, batch: 16, tokens: 500, world: 3).plan(step: 5))
        let steps = planner.stepsPerEpoch
        #expect(planner.plan(step: 0).judgements != planner.plan(step: steps).judgements)
        #expect(
            planner.plan(step: 0).judgements
                != self.planner(shapes, batch: 16, tokens: 500, world: 3, seed: 8)
                .plan(step: 0).judgements)
    }

    @Test("the shuffle is frozen: a checkpoint of yesterday finds its order today")
    func frozenShuffle() {
        let shapes = (0..<10).map { _ in
            ComparisonShape(
                promptLength: 1, responseLengths: [1, 1], judgements: [.pair(.init(chosen: 0, rejected: 1))])
        }
        let planner = planner(shapes, batch: 10, tokens: 100, world: 1, seed: 42)
        #expect(planner.plan(step: 0).judgements == Self.frozenOrders[0])
        #expect(planner.plan(step: 1).judgements == Self.frozenOrders[1])
    }

    @Test("every comparison reaches every place of the order about equally often")
    func uniformShuffle() {
        let shapes = (0..<5).map { _ in
            ComparisonShape(
                promptLength: 1, responseLengths: [1, 1], judgements: [.pair(.init(chosen: 0, rejected: 1))])
        }
        let planner = planner(shapes, batch: 5, tokens: 100, world: 1)
        var counts = [Int](repeating: 0, count: 25)
        for epoch in 0..<5000 {
            for (place, pair) in planner.plan(step: epoch).judgements.enumerated() { counts[place * 5 + pair] += 1 }
        }
        // 1000 expected each, σ = 28.
        #expect(counts.allSatisfy { abs($0 - 1000) < 140 })
    }

    // MARK: Micro-batches and ranks

    @Test("reproducible micro-batches are the same for any number of ranks")
    func worldIndependence() {
        let shapes = Self.mixed(200)
        let alone = planner(shapes, batch: 48, tokens: 700, world: 1, reproducible: true)
        for worldSize in [2, 3, 5, 64] {
            let together = planner(shapes, batch: 48, tokens: 700, world: worldSize, reproducible: true)
            for step in 0..<alone.stepsPerEpoch {
                #expect(alone.plan(step: step).microBatches == together.plan(step: step).microBatches)
                check(together.plan(step: step), together)
            }
        }
    }

    @Test("a comparison larger than a micro-batch has one to itself")
    func oversized() {
        var shapes = Self.mixed(20)
        shapes[7].promptLength = 5000
        let planner = planner(shapes, batch: 1000, tokens: 800, world: 1)
        let plan = planner.plan(step: 0)
        check(plan, planner)
        #expect(plan.microBatches.filter { $0.rows > 800 }.map { $0.comparisons.map(\.comparison) } == [[7]])
    }

    @Test("fewer pairs than ranks: some ranks have nothing, none is missing", arguments: [false, true])
    func idleRanks(reproducible: Bool) {
        let planner = planner(Self.mixed(3), batch: 2, tokens: 10_000, world: 8, reproducible: reproducible)
        for step in 0..<planner.stepsPerEpoch {
            let plan = planner.plan(step: step)
            check(plan, planner)
            #expect(plan.ranks.count == 8)
        }
    }

    @Test("one comparison for each of several ranks is spread, not stacked")
    func spread() {
        let planner = planner(Self.longTailed(4), batch: 4, tokens: 100_000, world: 4)
        #expect(planner.plan(step: 0).ranks.allSatisfy { $0.count == 1 })
    }

    @Test(
        "with 32 comparisons per rank the slowest rank is within 5 % of the mean, also with a long tail of lengths",
        arguments: [2, 4, 8, 16], [false, true])
    func balance(worldSize: Int, reproducible: Bool) {
        let planner = planner(
            Self.longTailed(32 * worldSize * 4), batch: 32 * worldSize, tokens: 2048, world: worldSize,
            reproducible: reproducible,
            cost: StepCost(layerParameters: 106_000_000, headParameters: 28_000_000, attentionWidth: 17_280))
        for step in 0..<planner.stepsPerEpoch {
            let plan = planner.plan(step: step)
            check(plan, planner)
            #expect(plan.imbalance <= 1.05)
        }
    }

    @Test("packing wastes little: micro-batches are about as many as the rows need")
    func tightness() {
        let planner = planner(Self.longTailed(256), batch: 256, tokens: 2048, world: 1)
        let plan = planner.plan(step: 0)
        #expect(plan.microBatches.count <= (plan.rows + 2047) / 2048 + 3)
    }

    @Test("scoring has every comparison once, packed, spread over the ranks")
    func scoring() {
        let planner = planner(Self.longTailed(700), batch: 8, tokens: 2048, world: 5)
        let plan = planner.plan(scoring: Array(0..<700))
        #expect(plan.microBatches.flatMap { $0.comparisons.map(\.comparison) }.sorted() == Array(0..<700))
        #expect(plan.microBatches.allSatisfy { $0.rows <= 2048 || $0.comparisons.count == 1 })
        #expect(plan.microBatches.count <= plan.rows / 2048 * 5 / 4 + 10)
        #expect(plan.ranks.flatMap { $0 }.sorted() == Array(plan.microBatches.indices))
        #expect(plan.judgements == Array(0..<planner.judgements))
        #expect(plan.imbalance < 1.05)
    }

    // MARK: Speed

    // MARK: Files with losses of their own

    @Test("files with losses of their own: each step has as many pairs of each, as in plans of each alone", arguments: [1, 3])
    func files(worldSize: Int) {
        let shapes = [Self.mixed(70), Self.mixed(30)]
        let parts = [
            PreferenceSet.Part(comparisons: 0..<70, lossWeight: 0.25, preference: nil),
            PreferenceSet.Part(comparisons: 70..<100, lossWeight: 2, preference: nil),
        ]
        let alone = shapes.map { planner($0, batch: 16, tokens: 900, world: worldSize, reproducible: true) }
        let joined = StepPlanner(shapes: shapes[0] + shapes[1], settings: alone[0].settings, parts: parts)
        #expect(joined.stepsPerEpoch == alone[0].stepsPerEpoch && alone[1].stepsPerEpoch < joined.stepsPerEpoch)
        for step in 0..<2 * joined.stepsPerEpoch {
            let (plan, own) = (joined.plan(step: step), alone.map { $0.plan(step: step) })
            #expect(plan.judgements == own[0].judgements + own[1].judgements.map { $0 + alone[0].judgements })
            #expect(plan.microBatches.map(\.rows) == (own[0].microBatches + own[1].microBatches).map(\.rows))
            #expect(plan.ranks.flatMap(\.self).sorted() == Array(plan.microBatches.indices))
            for planned in plan.microBatches.flatMap(\.comparisons) {
                #expect(planned.judgements.elementsEqual(plan.judgements[planned.positions]))
                let second = planned.comparison >= 70
                let position = planned.positions.lowerBound
                #expect(plan.part(of: position) == (second ? 1 : 0))
                #expect(plan.share(of: position) == (second ? 2 : 0.25) * (1 / Double(own[second ? 1 : 0].judgements.count)))
            }
        }
    }

    @Test("no comparisons, no steps")
    func empty() {
        let planner = planner([], batch: 4, tokens: 100, world: 2)
        #expect(planner.stepsPerEpoch == 0 && planner.judgements == 0)
        #expect(planner.plan(scoring: []).ranks == [[], []])
    }

    /// Debug builds are some 20 times slower, so the limit only catches a change of order.
    @Test("a run of 100,000 pairs × 3 epochs is planned in seconds", .timeLimit(.minutes(1)))
    func speed() {
        let planner = planner(Self.longTailed(100_000), batch: 64, tokens: 2048, world: 4)
        let start = ContinuousClock.now
        var rows = 0
        for epoch in (0..<3).map(planner.epoch) {
            for step in epoch.steps { rows = max(rows, epoch.plan(step: step).microBatches.map(\.rows).max() ?? 0) }
        }
        let seconds = ContinuousClock.now - start
        #expect(rows > 2000)
        #expect(seconds < .seconds(40))
        if ProcessInfo.processInfo.environment["PREFOPT_TIMES"] != nil { print("300,000 pairs planned in \(seconds)") }
    }

    // MARK: Material

    private func planner(
        _ shapes: [ComparisonShape], batch: Int, tokens: Int, world: Int, reproducible: Bool = false,
        shuffle: Bool = true, seed: UInt64 = 7,
        cost: StepCost = StepCost(rowCost: 1, scoredTokenCost: 0.3, attendedCost: 0.001)
    ) -> StepPlanner {
        StepPlanner(
            shapes: shapes,
            settings: .init(
                globalBatchSize: batch, microBatchTokens: tokens, worldSize: world, reproducible: reproducible,
                shuffle: shuffle, seed: seed, cost: cost))
    }

    /// Checks what holds for every plan of a step.
    private func check(_ plan: StepPlan, _ planner: StepPlanner) {
        #expect(plan.ranks.count == planner.settings.worldSize)
        #expect(plan.ranks.flatMap { $0 }.sorted() == Array(plan.microBatches.indices))
        #expect(plan.ranks.allSatisfy { $0 == $0.sorted() })
        var places = [Int](repeating: -1, count: plan.judgements.count)
        for microBatch in plan.microBatches {
            #expect(!microBatch.comparisons.isEmpty)
            #expect(microBatch.rows <= planner.settings.microBatchTokens || microBatch.comparisons.count == 1)
            #expect(microBatch.comparisons.map(\.positions.lowerBound).isSorted)
            for planned in microBatch.comparisons {
                for (position, pair) in zip(planned.positions, planned.judgements) { places[position] = pair }
                let shape = planner.shapes[planned.comparison]
                let needed = planned.judgements.flatMap {
                    shape.judgements[$0 - planner.judgements(of: planned.comparison).lowerBound].responses
                }
                #expect(planned.responses == Set(needed).sorted())
            }
        }
        #expect(places == plan.judgements)
    }

    private static func pairs(_ pairs: [Int]...) -> [Judgement] {
        pairs.map { .pair(Preference(chosen: $0[0], rejected: $0[1])) }
    }

    /// Pairs and ranked comparisons of two to four responses.
    private static func mixed(_ count: Int) -> [ComparisonShape] {
        (0..<count).map { k in
            let lengths = (0..<2 + k % 3).map { 5 + (k * 37 + $0 * 91) % 120 }
            var pairs: [Judgement] = []
            for loser in 1..<lengths.count { pairs += Self.pairs([loser - 1, loser]) }
            if lengths.count > 2 { pairs += Self.pairs([0, lengths.count - 1]) }
            return ComparisonShape(promptLength: 8 + (k * 53) % 150, responseLengths: lengths, judgements: pairs)
        }
    }

    /// Log-normal lengths with a median of about 60 and 200 tokens, cut so that a pair has at most 1,800.
    private static func longTailed(_ count: Int) -> [ComparisonShape] {
        func length(_ k: Int, _ salt: Int, _ median: Double, _ most: Double) -> Int {
            let phase = Double((k &* 7919 &+ salt &* 104_729) % 99_991) / 99_991
            let other = Double((k &* 6151 &+ salt &* 15_485_863) % 98_929 + 1) / 98_930
            let normal = (-2 * log(other)).squareRoot() * cos(2 * .pi * phase)
            return Int(min(max(median * exp(0.9 * normal), 2), most))
        }
        return (0..<count).map { k in
            ComparisonShape(
                promptLength: length(k, 1, 60, 600), responseLengths: [length(k, 2, 90, 600), length(k, 3, 80, 600)],
                judgements: [.pair(.init(chosen: 0, rejected: 1))])
        }
    }

    private static let frozenOrders = [[4, 6, 7, 0, 9, 5, 1, 2, 3, 8], [6, 9, 4, 5, 8, 3, 1, 0, 7, 2]]
}

extension [Int] {
    fileprivate var isSorted: Bool { zip(self, dropFirst()).allSatisfy { $0 <= $1 } }
}
