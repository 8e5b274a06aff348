import Foundation
import Glibc
import Scratch
import Storage

/// The program in a terminal of its own, at which a test types.
final class Terminal {
    private let program = Process()
    private let keyboard: Int32
    /// All that was shown so far.
    private(set) var screen = ""

    struct NoTerminal: Error {}

    /// TIOCSPTLCK and TIOCGPTN of Linux's asm-generic/ioctls.h.
    private static let (lock, number): (UInt, UInt) = (0x4004_5431, 0x8004_5430)

    init(_ arguments: [String]) throws {
        keyboard = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        var (number, isLocked): (Int32, Int32) = (0, 0)
        guard keyboard >= 0, ioctl(keyboard, Terminal.lock, &isLocked) == 0,
            ioctl(keyboard, Terminal.number, &number) == 0,
            let end = FileHandle(forUpdatingAtPath: "/dev/pts/\(number)")
        else { throw NoTerminal() }
        // The terminal that a process controls is the one ^C comes from.
        program.executableURL = URL(fileURLWithPath: "/usr/bin/setsid")
        program.arguments = ["--ctty", "--wait", Program.path] + arguments
        (program.standardInput, program.standardOutput, program.standardError) = (end, end, end)
        try program.runUnblocked()
        _ = fcntl(keyboard, F_SETFL, O_NONBLOCK)
    }

    deinit {
        if program.isRunning { program.terminate() }
        close(keyboard)
    }

    func type(_ text: String) {
        let bytes = Array(text.utf8)
        _ = write(keyboard, bytes, bytes.count)
    }

    /// Waits until something is shown that wasn't there when this was last called; false if it doesn't come.
    func shows(_ text: String, within limit: Double = 30) -> Bool {
        let end = Date().addingTimeInterval(limit)
        while Date() < end {
            read()
            if let found = screen[seen...].range(of: text) {
                seen = found.upperBound
                return true
            }
            usleep(2000)
        }
        return false
    }

    /// Waits until so many bytes more are shown; false if they don't come.
    func grows(by count: Int, within limit: Double = 30) -> Bool {
        let (start, end) = (bytes.count, Date().addingTimeInterval(limit))
        while Date() < end {
            read()
            if bytes.count >= start + count { return true }
            usleep(2000)
        }
        return false
    }

    /// Waits for the program's end; nil if it goes on.
    func status(within limit: Double = 20) -> Int32? {
        let end = Date().addingTimeInterval(limit)
        while program.isRunning, Date() < end {
            read()
            usleep(2000)
        }
        read()
        return program.isRunning ? nil : program.terminationStatus
    }

    private var bytes: [UInt8] = []
    private lazy var seen = screen.startIndex

    private func read() {
        var piece = [UInt8](repeating: 0, count: 4096)
        let before = screen[..<seen].utf8.count
        while true {
            let count = Glibc.read(keyboard, &piece, piece.count)
            guard count > 0 else { break }
            bytes += piece[..<count]
        }
        screen = String(decoding: bytes, as: UTF8.self)
        seen = screen.utf8.index(screen.startIndex, offsetBy: before)
    }
}
