import CHwloc
import Glibc
import Machine
import Testing

@Suite("Processors") struct ProcessorsTests {
    @Test("what hwloc finds is what the kernel tells") func kernel() {
        let found = Processors()
        #expect(found.online.count == sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        #expect(Set(found.allowed).isSubset(of: found.online) && !found.allowed.isEmpty)
        #expect((1...found.allowed.count).contains(found.allowedCores))
        #expect((found.allowedCores...found.online.count).contains(found.onlineCores))
        #expect(found.numaNodes >= 1)
    }

    @Test("a thread that is bound sees what it is bound to") func binding() throws {
        let whole = Processors()
        let chosen = try #require(whole.allowed.last)
        var tree: hwloc_topology_t?
        try #require(hwloc_topology_init(&tree) == 0 && hwloc_topology_load(tree) == 0)
        let (before, one) = (hwloc_bitmap_alloc(), hwloc_bitmap_alloc())
        defer {
            hwloc_bitmap_free(before)
            hwloc_bitmap_free(one)
            hwloc_topology_destroy(tree)
        }
        let thread = Int32(HWLOC_CPUBIND_THREAD.rawValue)
        hwloc_get_cpubind(tree, before, thread)
        hwloc_bitmap_only(one, UInt32(chosen))
        try #require(hwloc_set_cpubind(tree, one, thread) == 0)
        defer { hwloc_set_cpubind(tree, before, thread) }
        let bound = Processors()
        #expect(bound.online == whole.online && bound.onlineCores == whole.onlineCores)
        #expect(bound.allowed == [chosen] && bound.allowedCores == 1)
    }
}
