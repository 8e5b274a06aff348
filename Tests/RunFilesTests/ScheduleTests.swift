import Foundation
import RunFiles
import Testing

@Suite("Schedules")
struct ScheduleTests {
    private struct Golden: Decodable {
        var kind: String
        var total: Int
        var warmup: Double
        var warmup_steps: Int
        var factors: [Double]
    }

    @Test("factors and warm-up steps equal transformers'")
    func goldens() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/schedules.json")
        let cases = try JSONDecoder().decode([Golden].self, from: Data(contentsOf: file))
        #expect(cases.count == 23)
        for golden in cases {
            let kind = try #require(Schedule.Kind(rawValue: golden.kind))
            let warmup =
                golden.warmup > 0 && golden.warmup < 1
                ? Schedule.Warmup.ratio(golden.warmup) : .steps(Int(golden.warmup))
            let schedule = Schedule(kind, warmup: warmup, totalSteps: golden.total)
            #expect(schedule.warmupSteps == golden.warmup_steps)
            for (step, expected) in golden.factors.enumerated() {
                #expect(abs(schedule.factor(at: step) - expected) < 1e-15, "\(kind) step \(step)")
            }
        }
    }

    @Test("past the last step the falling schedules stay at zero")
    func past() {
        #expect(Schedule(.linear, totalSteps: 5).factor(at: 9) == 0)
        #expect(Schedule(.cosine, totalSteps: 5).factor(at: 5) == 0)
        #expect(Schedule(.constantWithWarmup, warmup: .steps(2), totalSteps: 5).factor(at: 9) == 1)
    }
}
