import Foundation
import Glibc

/// Answers HTTP on loopback from a list of answers, one connection after the other, and keeps what it was asked.
final class Server: @unchecked Sendable {
    let port: UInt16
    private let socket: Int32
    private let lock = NSLock()
    private var kept: [String] = []

    var requests: [String] { lock.withLock { kept } }

    /// One that takes connections and says nothing for so many seconds.
    convenience init(silentFor seconds: UInt32) { self.init([("200 OK", "", "")], delay: seconds) }

    /// - Parameters:
    ///   - answers: status line, extra headers and body of each; the last one stands for all that follow. Headers that name a
    ///     length have the last word on it.
    ///   - delay: seconds before each answer.
    init(_ answers: [(status: String, headers: String, body: String)], delay: UInt32 = 0) {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(socket, $0, length)
                _ = listen(socket, 16)
                _ = getsockname(socket, $0, &length)
            }
        }
        self.socket = socket
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in
            var number = 0
            while true {
                let connection = accept(socket, nil, nil)
                guard connection >= 0 else { return }
                let answer = answers[min(number, answers.count - 1)]
                number += 1
                // A server that is slow takes the next connection all the same.
                if delay > 0 {
                    Thread.detachNewThread { [self] in
                        sleep(delay)
                        serve(connection, answer)
                    }
                } else {
                    serve(connection, answer)
                }
            }
        }
    }

    func stop() { shutdown(socket, Int32(SHUT_RDWR)) }

    private func serve(_ connection: Int32, _ answer: (status: String, headers: String, body: String)) {
        var request: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(connection, &buffer, buffer.count)
            guard count > 0 else { break }
            request += buffer[..<count]
            let text = String(decoding: request, as: UTF8.self)
            if let end = text.range(of: "\r\n\r\n"), let length = text.firstMatch(of: /Content-Length: (\d+)/),
                text[end.upperBound...].utf8.count >= Int(length.1) ?? 0
            {
                break
            }
        }
        lock.withLock { kept.append(String(decoding: request, as: UTF8.self)) }
        let length = answer.headers.contains("Content-Length") ? "" : "Content-Length: \(answer.body.utf8.count)\r\n"
        let text =
            "HTTP/1.1 \(answer.status)\r\n\(answer.headers)\(length)Connection: close\r\n\r\n" + answer.body
        _ = text.withCString { write(connection, $0, strlen($0)) }
        close(connection)
    }
}
