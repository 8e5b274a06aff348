import Glibc

/// An IPv4 address of this host, on an interface that is up.
package struct NetworkInterface: Equatable {
    package let name: String
    package let address: UInt32
    package let mask: UInt32

    package init(name: String, address: UInt32, mask: UInt32) {
        self.name = name
        self.address = address
        self.mask = mask
    }

    package var isLoopback: Bool { address >> 24 == 127 }

    /// Made by container and virtual-machine software: often the same address on every node, and no way from one to another.
    package var isVirtual: Bool {
        ["docker", "br-", "virbr", "veth", "cni", "flannel", "podman", "lxc", "lxd"].contains { name.hasPrefix($0) }
    }

    /// `10.0.0.0/24`
    package var network: String { "\(Self.text(address & mask))/\(mask.nonzeroBitCount)" }

    /// `eth0 10.0.0.3/24`
    package var description: String { "\(name) \(Self.text(address))/\(mask.nonzeroBitCount)" }

    package static func text(_ address: UInt32) -> String {
        [24, 16, 8, 0].map { "\(address >> UInt32($0) & 255)" }.joined(separator: ".")
    }

    /// Reads `10.0.0.3`; nil for anything else.
    package static func address(_ text: some StringProtocol) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard parts.count == 4 else { return nil }
        return parts.reduce(UInt32?(0)) { sum, part in sum.flatMap { sum in part.map { sum << 8 | UInt32($0) } } }
    }

    /// Of this host, loopback included.
    package static func all() -> [NetworkInterface] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var found: [NetworkInterface] = []
        var next = list
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard entry.ifa_flags & UInt32(IFF_UP) != 0, let address = ipv4(entry.ifa_addr),
                let mask = ipv4(entry.ifa_netmask)
            else { continue }
            found.append(NetworkInterface(name: String(cString: entry.ifa_name), address: address, mask: mask))
        }
        return found
    }

    private static func ipv4(_ name: UnsafeMutablePointer<sockaddr>?) -> UInt32? {
        guard let name, name.pointee.sa_family == sa_family_t(AF_INET) else { return nil }
        return name.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
            UInt32(bigEndian: $0.pointee.sin_addr.s_addr)
        }
    }

    /// Whether one entry of Open MPI's `btl_tcp_if_include` (a name or a range) means this interface.
    package func isMeant(by entry: some StringProtocol) -> Bool {
        let parts = entry.split(separator: "/")
        guard parts.count == 2, let base = Self.address(parts[0]), let bits = Int(parts[1]), (0...32).contains(bits)
        else { return name == entry }
        let mask = bits == 0 ? 0 : UInt32.max << UInt32(32 - bits)
        return address & mask == base & mask
    }
}
