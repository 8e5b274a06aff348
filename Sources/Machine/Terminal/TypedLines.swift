import Glibc

/// Lines of standard input as somebody types them.
package final class TypedLines {
    /// The ends of waiting for a line.
    package enum Event: Equatable {
        case line(String)
        /// ^C: what stood in the line is gone.
        case interrupted
        /// ^D, or the end of a file.
        case ended
    }

    /// Whether somebody sits at a terminal.
    package let isTerminal = isatty(STDIN_FILENO) == 1
    private var unread: [UInt8] = []
    private var hasEnded = false

    package init() {}

    /// Waits for the next line. A last one may lack its end.
    package func next() -> Event {
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                defer { unread.removeSubrange(...end) }
                return .line(String(decoding: unread[..<end].filter { $0 != UInt8(ascii: "\r") }, as: UTF8.self))
            }
            if hasEnded {
                defer { unread = [] }
                return unread.isEmpty ? .ended : .line(String(decoding: unread, as: UTF8.self))
            }
            var piece = [UInt8](repeating: 0, count: 4096)
            let count = read(STDIN_FILENO, &piece, piece.count)
            if count > 0 {
                unread += piece[..<count]
            } else if count < 0, errno == EINTR {
                if Interruption.take() {
                    unread = []
                    return .interrupted
                }
            } else {
                hasEnded = true
            }
        }
    }
}
