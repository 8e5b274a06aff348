import Collectives
import Kernels
import Liveness
import Machine
import Storage
import Training
import Yardsticks

/// `doctor`: what a job's ranks really got of their nodes, what lies between them, and what is wrong with it.
package enum DoctorJob {
    /// - Parameters:
    ///   - threads: of a rank, as the run would have them; nil: what a rank would take by itself.
    ///   - folder: where a run would save.
    /// - Throws: nothing now; collective. The report is whole on rank 0 only. Collective.
    package static func run(threads: Int?, folder: String, over communicator: Communicator) throws -> Report {
        let own = NodeFacts(threads: threads, over: communicator)
        let texts = communicator.gather(JSON.object(own.json).text)
        let nodes = try communicator.failingTogether(status: { _ in 4 }) {
            try texts.map { text in
                guard let facts = NodeFacts(try JSON.parse(Array(text.utf8))) else {
                    throw TrainingError.input("a rank's facts can't be read; is it another version of this program?")
                }
                return facts
            }
        }
        // All at once, as in a run.
        let pool = ThreadPool(count: own.threads)
        communicator.barrier()
        let peaks = communicator.gather(Peak.measure(on: pool))
        communicator.barrier()
        let products = communicator.gather(BLAS.measure(on: pool))

        let links = pairs(nodes.map(\.host)).map { communicator.probe(from: $0.from, to: $0.to) }
        let sumSpeed = communicator.probeSum()
        let disk = DiskProbe(folder, hosts: nodes.map(\.host), over: communicator)
        let findings = DoctorFindings(
            nodes: nodes, peaks: peaks, products: products, links: links, sumSpeed: sumSpeed, disk: disk,
            launcher: Launcher(),
            chosenNetwork: environment("OMPI_MCA_btl_tcp_if_include"))
        return Report(json: findings.json, lines: findings.lines)
    }

    /// Neighbours in a ring, where gradients go; at most a few, evenly spread.
    package static func pairs(_ hosts: [String]) -> [(from: Int, to: Int)] {
        let size = hosts.count
        guard size > 1 else { return [] }
        let all = size == 2 ? [(0, 1)] : (0..<size).map { ($0, ($0 + 1) % size) }
        guard all.count > mostPairs else { return all }
        // Between hosts first: inside one all are alike.
        let between = all.filter { hosts[$0.0] != hosts[$0.1] }
        let chosen = between.isEmpty ? all : between
        return (0..<min(mostPairs, chosen.count)).map { chosen[$0 * chosen.count / min(mostPairs, chosen.count)] }
    }

    private static let mostPairs = 16
}
