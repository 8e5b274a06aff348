import RunFiles
import Storage
import Training

/// The settings that two jobs of `iterate` share when one goes on from the other: kept as `iterate.json` in
/// `output_dir`, so that rounds of different settings are never mixed. More rounds may be asked for later.
struct IterateRecord {
    private static let fileName = "iterate.json"

    private let members: JSONObject

    /// - Parameter prompts: the file of prompts.
    /// - Throws: `StorageError`.
    init(of file: RunFile, prompts: String) throws {
        var members = JSONObject()
        for (key, value) in file.roundsIdentity { members[key] = value }
        members["digest of prompts_file"] = .string(Digest.of(try FileSystem.read(prompts)).hex)
        self.members = members
    }

    /// Compares it with that of the job before, or keeps it if there was none.
    /// - Throws: `TrainingError.input` for the first difference.
    func check(in folder: String) throws {
        let path = FileSystem.join(folder, Self.fileName)
        guard FileSystem.exists(path) else { return try AtomicFile.write(JSON.object(members).prettyText, to: path) }
        let saved = try JSON.parse(FileSystem.read(path)).object ?? [:]
        for name in Set(members.names + saved.names).sorted() where members[name] != saved[name] {
            throw TrainingError.input(
                "\(folder): holds rounds of another run: their \(name) is \(saved[name]?.text ?? "not known"), this run's is "
                    + "\(members[name]?.text ?? "nothing"); use another output_dir")
        }
    }
}
