import Machine
import Scratch
import Testing

@Suite("Limits of control groups") struct ControlGroupTests {
    /// A machine's /proc and /sys, as far as they tell of groups.
    private func limits(_ files: [String: String]) throws -> ControlGroup {
        let root = try TemporaryDirectory()
        for (name, text) in files { _ = try root.write(text, as: name) }
        return ControlGroup(root: root.path)
    }

    @Test("without groups there are no limits") func none() throws {
        let limits = try limits([:])
        #expect(limits.processors == nil && limits.freeMemory == nil)
    }

    @Test("version 2: the group's own limits, what it read from files counting as free") func second() throws {
        let limits = try limits([
            "proc/self/cgroup": "0::/job/step\n",
            "sys/fs/cgroup/job/step/cpu.max": "250000 100000\n",
            "sys/fs/cgroup/job/step/memory.max": "1000000\n",
            "sys/fs/cgroup/job/step/memory.current": "700000\n",
            "sys/fs/cgroup/job/step/memory.stat": "anon 500000\ninactive_file 150000\n",
        ])
        #expect(limits.processors == 2.5 && limits.freeMemory == 450_000)
    }

    @Test("version 2: a tighter limit of a group above counts, \"max\" is none") func parents() throws {
        let limits = try limits([
            "proc/self/cgroup": "0::/job/step\n",
            "sys/fs/cgroup/job/step/cpu.max": "max 100000\n", "sys/fs/cgroup/job/cpu.max": "400000 100000\n",
            "sys/fs/cgroup/job/step/memory.max": "max\n", "sys/fs/cgroup/job/step/memory.current": "5\n",
            "sys/fs/cgroup/job/memory.max": "900\n", "sys/fs/cgroup/job/memory.current": "1000\n",
        ])
        #expect(limits.processors == 4 && limits.freeMemory == 0)
    }

    @Test("version 1: controllers apart, also where a container shows its own group as the root") func first() throws {
        let limits = try limits([
            "proc/self/cgroup": "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "300000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "200000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "4096000\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "96000\n",
            "sys/fs/cgroup/memory/memory.stat": "inactive_file 7\ntotal_inactive_file 1000\n",
        ])
        #expect(limits.processors == 1.5 && limits.freeMemory == 4_001_000)
    }

    @Test("version 1 writes no limit as -1 and as the largest multiple of a page") func firstWithout() throws {
        let limits = try limits([
            "proc/self/cgroup": "4:memory:/\n3:cpu:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "96000\n",
        ])
        #expect(limits.processors == nil && limits.freeMemory == nil)
    }
}
