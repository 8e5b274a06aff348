import Storage

/// A fault of a model directory or a checkpoint. Each text names the place and the remedy.
package enum CheckpointError: Error, Sendable, CustomStringConvertible {
    case storage(StorageError)
    case json(path: String, error: JSONError)
    /// A safetensors file that breaks its format.
    case safetensors(path: String, reason: String)
    /// Not a folder with a model; `remedy` says how to make it one.
    case model(directory: String, reason: String, remedy: String)
    /// A shard index that breaks its format, or doesn't fit its shards.
    case index(path: String, reason: String)
    /// An adapter that isn't one, or isn't one that can be computed as it was trained.
    case adapter(path: String, reason: String)
    /// A tensor written otherwise than the layout said.
    case layout(path: String, reason: String)
    /// A checkpoint that isn't what was written: cut, changed or only half there.
    case damaged(path: String, reason: String)
    /// A folder given as a checkpoint that this program didn't make, or didn't finish.
    case foreign(path: String)
    /// A checkpoint name that isn't a plain file name.
    case name(String)

    package var description: String {
        switch self {
        case .storage(let error): error.description
        case .json(let path, let error): "\(path): \(error)"
        case .safetensors(let path, let reason): "\(path): not a valid safetensors file: \(reason)"
        case .model(let directory, let reason, let remedy): "\(directory): \(reason); \(remedy)"
        case .index(let path, let reason):
            "\(path): \(reason); fetch the model again, or save it again with save_pretrained"
        case .adapter(let path, let reason), .layout(let path, let reason): "\(path): \(reason)"
        case .damaged(let path, let reason): "\(path): \(reason); use an older checkpoint"
        case .foreign(let path):
            "\(path): not a complete checkpoint of this program: it has no \(Checksums.fileName), and "
                + "\(FolderKind(path).words); \(FolderKind(path).remedy(forResuming: path))"
        case .name(let name): "\"\(name)\" can't name a checkpoint: expected one plain folder name"
        }
    }

    /// Runs an action of `Storage` and passes its error on as this target's.
    static func storing<Value: ~Copyable>(
        _ action: () throws(StorageError) -> Value
    ) throws(CheckpointError) -> Value {
        do { return try action() } catch { throw .storage(error) }
    }

    /// Reads a JSON file whose top is an object.
    static func readObject(_ path: String) throws(CheckpointError) -> JSON {
        let content = try storing { () throws(StorageError) in try FileSystem.read(path) }
        do throws(JSONError) {
            let value = try JSON.parse(content)
            guard value.object != nil else { throw JSONError(offset: 0, reason: "\(value.kind), expected an object") }
            return value
        } catch {
            throw .json(path: path, error: error)
        }
    }
}

extension FileSystem {
    /// Whether a name from a file stays in its folder: no path, no `..`, nothing the system would cut short.
    static func isPlainName(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".." && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
    }
}
