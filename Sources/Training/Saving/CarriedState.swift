import Objectives
import Storage

/// Carried numbers in `trainer_state.json`, as their bits; what a run doesn't have isn't there.
extension CarriedState {
    var json: JSONObject {
        var json = JSONObject()
        if runningLogRatio.count > 0 {
            json["running_log_ratio"] = [
                "count": .integer(runningLogRatio.count), "sum_bits": Self.bits(runningLogRatio.sum),
            ]
        }
        if let klCoefficient { json["kl_coefficient_bits"] = Self.bits(klCoefficient) }
        if rewardMoments.count > 0 {
            json["reward_moments"] = [
                "count": .integer(rewardMoments.count), "mean_bits": Self.bits(rewardMoments.mean),
                "squares_bits": Self.bits(rewardMoments.squares),
            ]
        }
        return json
    }

    init(json: JSON) {
        if let mean = json["running_log_ratio"], let count = mean["count"]?.integer,
            let sum = Self.number(mean["sum_bits"])
        {
            runningLogRatio = RunningMean(sum: sum, count: count)
        }
        klCoefficient = Self.number(json["kl_coefficient_bits"])
        if let moments = json["reward_moments"], let count = moments["count"]?.integer,
            let mean = Self.number(moments["mean_bits"]), let squares = Self.number(moments["squares_bits"])
        {
            rewardMoments = RunningMoments(count: count, mean: mean, squares: squares)
        }
    }

    /// All of it as numbers, for the other ranks.
    var numbers: [Double] {
        [
            runningLogRatio.sum, Double(runningLogRatio.count), klCoefficient ?? .nan, Double(rewardMoments.count),
            rewardMoments.mean, rewardMoments.squares,
        ]
    }

    init(numbers: [Double]) {
        guard numbers.count == 6 else { return }
        runningLogRatio = RunningMean(sum: numbers[0], count: Int(numbers[1]))
        klCoefficient = numbers[2].isNaN ? nil : numbers[2]
        rewardMoments = RunningMoments(count: Int(numbers[3]), mean: numbers[4], squares: numbers[5])
    }

    private static func bits(_ number: Double) -> JSON { .string(String(number.bitPattern, radix: 16)) }

    private static func number(_ bits: JSON?) -> Double? {
        bits?.string.flatMap { UInt64($0, radix: 16) }.map { Double(bitPattern: $0) }
    }
}
