import Glibc

/// An IPv4 address and a port.
package struct Endpoint: Hashable {
    /// As numbers of this machine.
    package var address: UInt32
    package var port: UInt16
}

/// A UDP socket: messages that arrive whole or not at all, and never make the sender wait.
package final class DatagramSocket {
    private let descriptor: Int32
    package let port: UInt16

    /// On any free port of all interfaces; nil where the system gives none.
    package init?() {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        self.descriptor = descriptor
        guard descriptor >= 0 else { return nil }
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        port = UInt16(bigEndian: name.sin_port)
        guard isBound else { return nil }
    }

    deinit { close(descriptor) }

    /// Sends as far as the system takes it; a lost message is followed by the next.
    package func send(_ bytes: [UInt8], to endpoint: Endpoint) {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = endpoint.address.bigEndian
        name.sin_port = endpoint.port.bigEndian
        withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(
                    descriptor, bytes, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL), $0,
                    socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// The next message, waiting for it at most so many seconds.
    package func receive(within seconds: Double) -> (bytes: [UInt8], from: Endpoint)? {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&wanted, 1, Int32(max(0, seconds) * 1000)) > 0 else { return nil }
        var name = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT), $0, &length)
            }
        }
        guard count >= 0 else { return nil }
        return (
            Array(bytes[..<count]),
            Endpoint(address: UInt32(bigEndian: name.sin_addr.s_addr), port: UInt16(bigEndian: name.sin_port))
        )
    }
}
