import Liveness
import Machine
import Testing

@Suite("Keeping watch over ranks") struct FailureDetectorTests {
    /// Four ranks on three hosts, each heard of at second 100.
    private func detector() -> FailureDetector {
        var detector = FailureDetector(hosts: ["a", "b", "b", "c"])
        for rank in 0..<4 { detector.heard(beat(rank), at: 100) }
        return detector
    }

    private func beat(_ rank: Int, waiting: Double = 0, stuck: String? = nil) -> Heartbeat {
        Heartbeat(rank: rank, phase: "compute", step: 12, waiting: waiting, stuck: stuck)
    }

    private func verdict(_ detector: FailureDetector, at now: Double, onlyRank: Int? = nil) -> String? {
        detector.verdict(at: now, silence: 10, interval: 1, wait: 10, onlyRank: onlyRank)
    }

    @Test("nothing is said while everybody is heard of") func quiet() {
        #expect(verdict(detector(), at: 109) == nil)
    }

    @Test("a rank that falls silent is named with host, phase and step") func silent() {
        var detector = detector()
        for rank in [0, 1, 3] { detector.heard(beat(rank), at: 111) }
        #expect(
            verdict(detector, at: 111)
                == "rank 2 on b has not been heard of for 10 s (after 12 steps of this start, phase compute): "
                + "the process is stopped")
    }

    @Test("ranks that fall silent together are named together, and their host with them") func silentHost() {
        var detector = detector()
        detector.heard(beat(1), at: 100.8)
        for rank in [0, 3] { detector.heard(beat(rank), at: 111) }
        let text = verdict(detector, at: 111)
        #expect(text?.hasPrefix("ranks 1, 2 on b have not been heard of") == true, "\(text ?? "")")
        #expect(text?.hasSuffix("the processes are stopped, or b or the network to it is down") == true)
    }

    @Test("when all other hosts are silent it is this host that is cut off") func cutOff() {
        var detector = detector()
        detector.heard(beat(0), at: 111)
        #expect(verdict(detector, at: 111)?.contains("it is this host's network that is down") == true)
    }

    @Test("who watches one rank says nothing of others") func deputy() {
        var detector = detector()
        detector.heard(beat(0), at: 111)
        #expect(verdict(detector, at: 111, onlyRank: 0) == nil)
        #expect(verdict(detector, at: 122, onlyRank: 0)?.hasPrefix("rank 0 on a has not been heard of") == true)
    }

    @Test("a rank never heard of isn't judged") func unheard() {
        var detector = FailureDetector(hosts: ["a", "b"])
        detector.heard(beat(0), at: 100)
        #expect(detector.unheard == [1])
        #expect(verdict(detector, at: 105) == nil)
    }

    @Test("time slept through counts for nothing") func forgiven() {
        var detector = detector()
        detector.forgive(500)
        #expect(verdict(detector, at: 609) == nil)
        #expect(verdict(detector, at: 611) != nil)
    }

    @Test("a rank whose main thread stands still is named with what it stands in") func stuck() {
        var detector = detector()
        detector.heard(beat(3, stuck: "stood still for 10 s in phase load, in read of /x: …"), at: 101)
        #expect(verdict(detector, at: 101) == "rank 3 on c has stood still for 10 s in phase load, in read of /x: …")
    }

    @Test("all waiting for each other is a hang; all but one is work") func waiting() {
        var detector = detector()
        for rank in 0..<3 { detector.heard(beat(rank, waiting: 11), at: 101) }
        #expect(verdict(detector, at: 101) == nil)
        detector.heard(beat(3, waiting: 10), at: 101)
        #expect(verdict(detector, at: 101)?.contains("their messages don't get through between a, b, c") == true)
    }

    @Test("messages survive the way; those of other jobs and noise don't") func messages() {
        let beats = [beat(3, waiting: 1.5), beat(0, stuck: "a \"quoted\" reason")]
        for message in beats.map(WatchMessage.heartbeat) + [.answer(from: 2), .verdict("so")] {
            #expect(WatchMessage(bytes: message.bytes(job: "j"), job: "j") == message)
            #expect(WatchMessage(bytes: message.bytes(job: "j"), job: "k") == nil)
            #expect(WatchMessage(bytes: Array(message.bytes(job: "j").dropLast()), job: "j") == nil)
        }
        #expect(WatchMessage(bytes: Array("{\"job\":\"j\"}".utf8), job: "j") == nil)
    }

    @Test("who differs is found, rank 0 being right when there are as many of both") func disagreement() {
        #expect(Disagreement(["a", "a", "a"]) == nil)
        let odd = Disagreement(["a", "b", "a", "b", "a"])
        #expect(odd?.ranks == [1, 3] && odd?.common == 0)
        let root = Disagreement(["b", "a", "a"])
        #expect(root?.ranks == [0] && root?.common == 1)
        let even = Disagreement(["a", "b"])
        #expect(even?.ranks == [1] && even?.common == 0)
    }

    @Test(
        "what btl_tcp_if_include means",
        arguments: [
            ("10.77.0.0/24", true), ("10.77.1.0/24", false), ("eth0", true), ("eth1", false), ("10.77.0.0/33", false),
            ("0.0.0.0/0", true), ("10.77.0.3/32", true), ("10.77.0.4/32", false), ("10.77.0", false),
        ])
    func interfaces(entry: String, isMeant: Bool) {
        let interface = NetworkInterface(name: "eth0", address: 10 << 24 | 77 << 16 | 3, mask: 0xFFFF_FF00)
        #expect(interface.isMeant(by: entry) == isMeant)
        #expect(interface.network == "10.77.0.0/24")
        #expect(interface.description == "eth0 10.77.0.3/24")
    }

    @Test("the median of the last hundred") func median() {
        var median = RunningMedian()
        #expect(median.add(5) == 5)
        #expect(median.add(1) == 5)
        #expect(median.add(2) == 2)
        for _ in 0..<100 { _ = median.add(9) }
        #expect(median.add(1) == 9)
    }
}
