/// Makes the plan of every step of a run.
///
/// An epoch's judgements, in the epoch's order of comparisons, are cut into global batches; the last one of an epoch may be
/// smaller, and nothing is dropped. Within a step those of one comparison share its prompt and its responses; at
/// the edge of a step a comparison may be split over two.
///
/// The number of micro-batches is rounded up to a multiple of the ranks, so that each rank has the same number of
/// nearly equal ones. With `reproducible` micro-batches don't depend on the number of ranks, only which rank computes
/// them does; they are then rounded up to a number with many divisors.
///
/// Where every data file has a loss of its own (`PreferenceSet.Part.lossWeight`), a step is one of each file's steps beside
/// the others': as many judgements of each, in the file's own order. An epoch lasts as long as the longest file's.
package struct StepPlanner: Sendable {
    /// The inputs of a plan beside the sizes of the comparisons.
    package struct Settings: Sendable, Equatable {
        /// Judgements of a step, at least 1.
        package var globalBatchSize: Int
        /// Most rows of a micro-batch, unless a single comparison has more.
        package var microBatchTokens: Int
        package var worldSize: Int
        package var reproducible: Bool
        package var shuffle: Bool
        package var seed: UInt64
        package var cost: StepCost

        package init(
            globalBatchSize: Int, microBatchTokens: Int, worldSize: Int, reproducible: Bool = false,
            shuffle: Bool = true, seed: UInt64 = 0, cost: StepCost = StepCost()
        ) {
            self.globalBatchSize = globalBatchSize
            self.microBatchTokens = microBatchTokens
            self.worldSize = worldSize
            self.reproducible = reproducible
            self.shuffle = shuffle
            self.seed = seed
            self.cost = cost
        }
    }

    package let shapes: [ComparisonShape]
    package let settings: Settings
    /// The global index of each comparison's first judgement, and at the end the number of all judgements.
    private let firsts: [Int]
    /// The files that have losses of their own; none where all are drawn as one.
    let files: [FilePlanner]

    /// The planner of one file's steps.
    struct FilePlanner: Sendable {
        let planner: StepPlanner
        let weight: Double
        /// Comparisons and judgements of the files before it.
        let comparisons: Int
        let judgements: Int
    }

    /// Every comparison has a judgement at least.
    ///
    /// - Parameter parts: the set's files.
    package init(shapes: [ComparisonShape], settings: Settings, parts: [PreferenceSet.Part] = []) {
        precondition(settings.globalBatchSize > 0 && settings.microBatchTokens > 0 && settings.worldSize > 0)
        self.shapes = shapes
        self.settings = settings
        var firsts = [0]
        firsts.reserveCapacity(shapes.count + 1)
        for shape in shapes { firsts.append(firsts[firsts.count - 1] + shape.judgements.count) }
        self.firsts = firsts
        files = parts.compactMap { part in
            part.lossWeight.map { weight in
                FilePlanner(
                    planner: StepPlanner(shapes: Array(shapes[part.comparisons]), settings: settings), weight: weight,
                    comparisons: part.comparisons.lowerBound, judgements: firsts[part.comparisons.lowerBound])
            }
        }
    }

    /// Judgements of an epoch.
    package var judgements: Int { firsts[shapes.count] }

    /// ⌈judgements / globalBatchSize⌉; of the longest file where each has a loss of its own.
    package var stepsPerEpoch: Int {
        files.map(\.planner.stepsPerEpoch).max()
            ?? (judgements + settings.globalBatchSize - 1) / settings.globalBatchSize
    }

    /// Whether all epochs are one and the same.
    package var repeatsEpochs: Bool {
        !settings.shuffle && files.allSatisfy { $0.planner.stepsPerEpoch == stepsPerEpoch }
    }

    /// The global indices of a comparison's judgements.
    package func judgements(of comparison: Int) -> Range<Int> { firsts[comparison]..<firsts[comparison + 1] }

    /// The epoch's order, made once: planning one step of it then costs what that step holds.
    package func epoch(_ epoch: Int) -> EpochPlan { EpochPlan(of: self, epoch: epoch) }

    /// The plan of a step counted over the whole run. Costs an epoch's shuffle each time; keep an `EpochPlan` in a
    /// loop.
    package func plan(step: Int) -> StepPlan {
        epoch(step / stepsPerEpoch).plan(step: step)
    }

    /// The given comparisons in the given order, with all their judgements, packed and spread over the ranks by cost. For
    /// reference logps and margin rewards: nothing but the order of the result depends on the packing.
    package func plan(scoring comparisons: [Int]) -> StepPlan {
        var position = 0
        var planned: [PlannedComparison] = []
        planned.reserveCapacity(comparisons.count)
        for comparison in comparisons {
            planned.append(self.planned(comparison, judgements: judgements(of: comparison), from: position))
            position += shapes[comparison].judgements.count
        }
        // Packing compares everything with everything, so a window at a time.
        let window = StepPlanner.comparisonsPackedAtOnce * settings.worldSize
        let microBatches = stride(from: 0, to: planned.count, by: window).flatMap { start in
            StepPlanPacking.microBatches(
                of: Array(planned[start..<min(planned.count, start + window)]), capacity: settings.microBatchTokens,
                worldSize: settings.worldSize)
        }
        return StepPlan(
            step: 0, epoch: 0, microBatches: microBatches,
            ranks: StepPlanPacking.ranks(of: microBatches.map(\.cost), worldSize: settings.worldSize),
            judgements: comparisons.flatMap { judgements(of: $0) })
    }

    private static let comparisonsPackedAtOnce = 64

    /// The plan of given comparisons' judgements, in step order.
    func plan(step: Int, epoch: Int, of parts: [(comparison: Int, judgements: Range<Int>)]) -> StepPlan {
        var position = 0
        var comparisons: [PlannedComparison] = []
        comparisons.reserveCapacity(parts.count)
        for part in parts {
            comparisons.append(planned(part.comparison, judgements: part.judgements, from: position))
            position += part.judgements.count
        }
        let microBatches = StepPlanPacking.microBatches(
            of: comparisons, capacity: settings.microBatchTokens,
            worldSize: settings.reproducible ? nil : settings.worldSize)
        return StepPlan(
            step: step, epoch: epoch, microBatches: microBatches,
            ranks: StepPlanPacking.ranks(of: microBatches.map(\.cost), worldSize: settings.worldSize),
            judgements: parts.flatMap(\.judgements))
    }

    private func planned(_ comparison: Int, judgements: Range<Int>, from position: Int) -> PlannedComparison {
        let shape = shapes[comparison]
        let first = firsts[comparison]
        var responses: [Int] = []
        responses.reserveCapacity(2)
        for index in judgements {
            // A pair, nearly always: no list is made of it.
            if case .pair(let pair) = shape.judgements[index - first] {
                responses.append(pair.chosen)
                responses.append(pair.rejected)
            } else {
                responses += shape.judgements[index - first].responses
            }
        }
        responses = Self.uniqueAscending(responses)
        let scored = responses.reduce(0) { $0 + shape.responseLengths[$1] }
        return PlannedComparison(
            comparison: comparison, judgements: judgements, positions: position..<position + judgements.count,
            responses: responses,
            rows: shape.promptLength + scored - responses.count, scoredTokens: scored,
            cost: settings.cost.cost(
                promptLength: shape.promptLength, responseLengths: responses.lazy.map { shape.responseLengths[$0] }))
    }

    private static func uniqueAscending(_ indices: [Int]) -> [Int] {
        var unique: [Int] = []
        unique.reserveCapacity(indices.count)
        for index in indices.sorted() where unique.last != index { unique.append(index) }
        return unique
    }
}

/// One epoch's order of comparisons, cut into steps.
package struct EpochPlan: Sendable {
    private let planner: StepPlanner
    package let epoch: Int
    private let order: [Int]
    /// In the epoch's order: judgements before each comparison, and at the end all.
    private let starts: [Int]
    /// Of each file with a loss of its own those of its epochs that the steps of this one come to.
    private let files: [[EpochPlan]]

    init(of planner: StepPlanner, epoch: Int) {
        self.planner = planner
        self.epoch = epoch
        let settings = planner.settings
        let steps = epoch * planner.stepsPerEpoch..<(epoch + 1) * planner.stepsPerEpoch
        files = planner.files.map { file in
            let own = file.planner.stepsPerEpoch
            return (steps.lowerBound / own...(steps.upperBound - 1) / own).map { file.planner.epoch($0) }
        }
        guard files.isEmpty else {
            (order, starts) = ([], [])
            return
        }
        order = EpochOrder.comparisons(
            count: planner.shapes.count, shuffle: settings.shuffle, seed: settings.seed, epoch: epoch)
        var starts = [0]
        starts.reserveCapacity(order.count + 1)
        for comparison in order { starts.append(starts[starts.count - 1] + planner.judgements(of: comparison).count) }
        self.starts = starts
    }

    /// The run's steps that are this epoch's.
    package var steps: Range<Int> { epoch * planner.stepsPerEpoch..<(epoch + 1) * planner.stepsPerEpoch }

    /// The plan of one of `steps`.
    package func plan(step: Int) -> StepPlan {
        precondition(steps.contains(step))
        guard files.isEmpty else { return joined(step: step) }
        let first = (step - steps.lowerBound) * planner.settings.globalBatchSize
        let window = first..<min(first + planner.settings.globalBatchSize, planner.judgements)
        var parts: [(comparison: Int, judgements: Range<Int>)] = []
        var place = comparison(holding: window.lowerBound)
        while place < order.count, starts[place] < window.upperBound {
            let all = planner.judgements(of: order[place])
            let shift = all.lowerBound - starts[place]
            let here = (starts[place]..<starts[place + 1]).clamped(to: window)
            parts.append((order[place], here.lowerBound + shift..<here.upperBound + shift))
            place += 1
        }
        return planner.plan(step: step, epoch: epoch, of: parts)
    }

    private func joined(step: Int) -> StepPlan {
        let plans = zip(planner.files, files).compactMap { file, epochs in
            epochs.first { $0.steps.contains(step) }.map { epoch in
                (plan: epoch.plan(step: step), weight: file.weight, comparisons: file.comparisons, judgements: file.judgements)
            }
        }
        return StepPlan(step: step, epoch: epoch, joining: plans, worldSize: planner.settings.worldSize)
    }

    /// The place in the order of the comparison that holds a position, by bisection.
    private func comparison(holding position: Int) -> Int {
        var low = 0
        var high = order.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= position { low = middle } else { high = middle }
        }
        return low
    }
}
