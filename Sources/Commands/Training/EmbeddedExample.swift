import CExample
import Storage

/// The example inside the program: a small base model of the project's own, its tokenizer, pairs, prompts and a run file.
package enum EmbeddedExample {
    /// Where `train` without a run file unpacks it, in the current folder.
    package static let folder = "prefopt-example"

    /// Unpacks the files that aren't there yet; changed ones stay as they are.
    ///
    /// - Parameter writes: false on all ranks but one.
    /// - Returns: the path of its run file.
    /// - Throws: `StorageError`.
    package static func unpack(to directory: String, _ writes: Bool) throws(StorageError) -> String {
        let run = FileSystem.join(directory, "prefopt.yaml")
        guard writes else { return run }
        try FileSystem.makeDirectories(FileSystem.join(directory, "model"))
        for number in 0..<Int(prefopt_example_count) {
            let file = prefopt_example_file(Int32(number))
            let path = FileSystem.join(directory, String(cString: file.name))
            guard !FileSystem.exists(path) else { continue }
            let bytes = UnsafeRawBufferPointer(start: file.bytes, count: Int(file.count))
            if path == run, directory != folder {
                // Paths of a run file are relative to the current folder, so they name the folder unpacked to.
                let text = String(decoding: bytes, as: UTF8.self)
                try AtomicFile.write(text.replacing("\(folder)/", with: "\(directory)/"), to: path)
            } else {
                try AtomicFile.write(bytes, to: path)
            }
        }
        return run
    }
}
