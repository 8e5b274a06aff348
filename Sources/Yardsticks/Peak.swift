import Kernels
import Machine

/// The most multiply-adds that a pool's threads do at their level, in registers: what a step of float32 can't exceed.
package enum Peak {
    /// GFLOP/s of all threads of the pool at once. Takes a tenth of a second.
    package static func measure(on pool: ThreadPool) -> Double {
        // Long enough for a core to reach the speed that it keeps.
        _ = burst(on: pool, rounds: 1 << 18)
        let (operations, seconds) = burst(on: pool, rounds: 1 << 21)
        return operations / seconds / 1e9
    }

    private static func burst(on pool: ThreadPool, rounds: Int) -> (operations: Double, seconds: Double) {
        let start = SteadyClock.now()
        let operations = pool.multiplyAdds(rounds: rounds)
        return (operations, SteadyClock.now() - start)
    }
}
