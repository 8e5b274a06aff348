import Glibc

/// A fault between the program and a disk. Each case names the path; the text adds the remedy.
package enum StorageError: Error, Sendable, Equatable, CustomStringConvertible {
    case missing(path: String)
    /// A folder where a file was expected.
    case directory(path: String)
    /// A named pipe, a socket or a device where a file was expected.
    case notFile(path: String)
    /// A file where a folder was expected.
    case notDirectory(path: String)
    /// A link to nothing where a folder was expected.
    case danglingLink(path: String, target: String)
    /// A folder or a file where the file system takes none, as in /proc.
    case nothingMade(path: String)
    /// A call to the system failed; `code` is `errno`.
    case system(action: String, path: String, code: Int32)
    /// The file ended, or refused to grow, before all bytes were moved.
    case short(action: String, path: String, expected: Int, moved: Int)
    /// A compressed stream that can't be decoded; `offset` counts compressed bytes taken.
    case corrupt(path: String, format: String, offset: Int, reason: String)
    /// A compressed stream that stops in the middle.
    case truncated(path: String, format: String, offset: Int)
    case longLine(path: String, line: Int, limit: Int)
    /// Another run holds the folder; `owner` is what it left there: its process number and host.
    case locked(directory: String, owner: String?)

    package var description: String {
        switch self {
        case .missing(let path):
            return "\(path): not found; check the path\(StorageError.startingPoint(of: path))"
        case .directory(let path):
            return "\(path): is a folder where a file was expected"
        case .notFile(let path):
            return "\(path): is a pipe, a socket or a device where a file was expected; give a file"
        case .notDirectory(let path):
            return "\(path): is a file where a folder was expected; choose another path, or move the file away"
        case .danglingLink(let path, let target):
            return "\(path): is a link to \(target), which isn't there; make that folder, or remove the link"
        case .nothingMade(let path):
            return "\(path): can't be made: the file system takes nothing there; write to another disk"
        case .system(let action, let path, let code):
            return "\(path): can't \(action): \(String(cString: strerror(code)))\(StorageError.remedy(for: code))"
        case .short(let action, let path, let expected, let moved):
            return "\(path): \(action) stopped after \(moved) of \(expected) bytes; "
                + "is something else changing the file?"
        case .corrupt(let path, let format, let offset, let reason):
            return "\(path): corrupt \(format) data near compressed byte \(offset) (\(reason)); "
                + "fetch the file again"
        case .truncated(let path, let format, let offset):
            return "\(path): the \(format) data stops in the middle, after \(offset) compressed bytes; "
                + "fetch the file again"
        case .longLine(let path, let line, let limit):
            return "\(path):\(line): longer than \(limit) bytes; expected one row per line"
        case .locked(let directory, let owner):
            return "\(directory): another run\(owner.map { " (\($0))" } ?? "") is using this folder; "
                + "wait for it to end, or choose another folder"
        }
    }

    /// The error of the call that just failed, read from `errno`.
    static func last(_ action: String, _ path: String) -> StorageError {
        switch errno {
        case ENOENT: .missing(path: path)
        case EISDIR: .directory(path: path)
        case ENOTDIR: .notDirectory(path: file(above: path))
        case let code: .system(action: action, path: path, code: code)
        }
    }

    /// The part of a path that is a file and should be a folder.
    private static func file(above path: String) -> String {
        var part = path
        while case let parent = FileSystem.parent(of: part), parent != part, !FileSystem.isDirectory(parent) { part = parent }
        return part
    }

    private static func startingPoint(of path: String) -> String {
        guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return "" }
        defer { free(folder) }
        return " (it is read from \(String(cString: folder)))"
    }

    private static func remedy(for code: Int32) -> String {
        switch code {
        case ENOSPC, EDQUOT: "; free some space, or write to another disk"
        case EACCES, EPERM: "; check the owner and the permissions"
        case EROFS: "; write to another disk"
        case ENAMETOOLONG: "; a name may have 255 bytes, a path 4096"
        case EMFILE, ENFILE: "; raise the limit of open files (ulimit -n)"
        default: ""
        }
    }
}
