import Machine
import Storage

extension RunFile {
    /// `reference_cache`, by default one folder for all runs of this user: logps are kept by content, so runs can share them.
    package var cacheFolder: String {
        if let folder = self.machine.referenceCache { return folder }
        if let base = environment("XDG_CACHE_HOME") { return FileSystem.join(base, "swift-prefopt") }
        if let home = environment("HOME") { return FileSystem.join(home, ".cache/swift-prefopt") }
        return FileSystem.join(self.model.outputDirectory ?? ".", "reference-cache")
    }
}
