import Storage
import Training

/// A command's output path, checked before the work: that a path can't be written must not come out after
/// hours of scoring.
enum OutputFile {
    /// - Throws: `TrainingError.input` when the folder isn't there or the path is a folder.
    static func check(_ path: String) throws {
        let folder = FileSystem.parent(of: path)
        guard FileSystem.isDirectory(folder) else {
            throw TrainingError.input("\(path): there is no folder \(folder); make it, or choose another --output")
        }
        guard !FileSystem.isDirectory(path) else {
            throw TrainingError.input("\(path): is a folder; --output names the file to write")
        }
    }
}
