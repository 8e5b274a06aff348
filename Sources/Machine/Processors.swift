import CHwloc

/// The processors of this machine and those that this process may run on, as hwloc finds them. What a control group takes
/// of their time is not among it: see `ControlGroup`.
package struct Processors: Sendable, Equatable {
    /// Logical CPUs (hardware threads) that are online, by their numbers, ascending.
    package let online: [Int]
    /// Those of them that this process is bound to (its calling thread, to be exact), or all.
    package let allowed: [Int]
    /// Physical cores: two hardware threads of a core share its arithmetic.
    package let onlineCores: Int
    package let allowedCores: Int
    package let numaNodes: Int

    /// Reads the machine, and the binding of this process as it is now: a few milliseconds.
    package init() {
        guard let machine = HardwareTopology() else {
            // Without /sys or /proc nothing is known: one core is what there must be.
            (online, allowed, onlineCores, allowedCores, numaNodes) = ([0], [0], 1, 1, 1)
            return
        }
        let binding = machine.binding
        online = machine.numbers(of: HWLOC_OBJ_PU, touching: nil)
        let bound = machine.numbers(of: HWLOC_OBJ_PU, touching: binding)
        allowed = bound.isEmpty ? online : bound
        onlineCores = max(1, machine.numbers(of: HWLOC_OBJ_CORE, touching: nil).count)
        allowedCores = max(1, machine.numbers(of: HWLOC_OBJ_CORE, touching: binding).count)
        numaNodes = max(1, machine.numbers(of: HWLOC_OBJ_NUMANODE, touching: nil).count)
    }
}

/// hwloc's tree of the machine.
private final class HardwareTopology {
    private let tree: hwloc_topology_t
    /// The CPUs that the calling thread is bound to.
    let binding: hwloc_bitmap_t

    /// nil where hwloc finds nothing.
    init?() {
        var tree: hwloc_topology_t?
        guard hwloc_topology_init(&tree) == 0, let tree, let binding = hwloc_bitmap_alloc() else { return nil }
        self.tree = tree
        self.binding = binding
        // CPUs that a control group or a launcher took away are still the machine's.
        hwloc_topology_set_flags(tree, UInt(HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED.rawValue))
        // Caches and devices are of no interest; the kernel knows the rest without a visit to every CPU.
        hwloc_topology_set_all_types_filter(tree, HWLOC_TYPE_FILTER_KEEP_NONE)
        hwloc_topology_set_type_filter(tree, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL)
        hwloc_topology_set_components(tree, UInt(HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST.rawValue), "x86")
        guard hwloc_topology_load(tree) == 0,
            hwloc_get_cpubind(tree, binding, Int32(HWLOC_CPUBIND_THREAD.rawValue)) == 0
        else { return nil }
    }

    deinit {
        hwloc_bitmap_free(binding)
        hwloc_topology_destroy(tree)
    }

    /// The operating system's numbers of all objects of a kind, or of those that have a CPU in a set, ascending.
    func numbers(of kind: hwloc_obj_type_t, touching set: hwloc_bitmap_t?) -> [Int] {
        (0..<max(0, hwloc_get_nbobjs_by_type(tree, kind))).compactMap { index in
            guard let object = hwloc_get_obj_by_type(tree, kind, UInt32(index)) else { return nil }
            if let set, hwloc_bitmap_intersects(object.pointee.cpuset, set) == 0 { return nil }
            return Int(object.pointee.os_index)
        }.sorted()
    }
}
