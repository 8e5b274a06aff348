import Storage

/// Reads the files of studies: every entry that holds something, and all that is wrong at once.
enum StudyReading {
    /// - Parameter read: takes an entry.
    /// - Returns: the entries that hold something, and what `read` found wrong with them.
    /// - Throws: `RunFileError` for a file that is no mapping.
    static func entries(
        of bytes: [UInt8], file: String, read: (YAMLEntry) throws(RunFileError) -> Void
    ) throws(RunFileError) -> (entries: [YAMLEntry], faults: [RunFileFault]) {
        let entries = try RunFileSource.parse(RunFileSource.text(bytes, file: file), file: file).filter {
            !$0.value.isNull
        }
        var faults: [RunFileFault] = []
        for entry in entries { do throws(RunFileError) { try read(entry) } catch { faults += error.faults } }
        return (entries, faults)
    }
}

extension YAMLEntry {
    /// A path that is relative to the folder of the file it stands in.
    /// - Throws: `RunFileError` for a value that is no text.
    func path(beside file: String) throws(RunFileError) -> String {
        let path = try ValueKind<String>.text.read(self)
        return path.hasPrefix("/") ? path : FileSystem.join(FileSystem.parent(of: file), path)
    }
}
