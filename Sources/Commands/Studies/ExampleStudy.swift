import Rewards
import RunFiles
import Storage

/// The studies of the embedded example.
enum ExampleStudy {
    private static let folder = "study-frontier"

    /// Kind and curt words of the example's answers: its true reward is their sum over the root of the number of words.
    private static let lexicon = """
        # A word and its weight a line.
        beautiful 3
        lovely 3
        glad 3
        happy 3
        nice 3
        pleasure 3
        welcome 3
        dear 3
        sorry 3
        thank 3
        help 3
        good 3
        like 3
        not -3
        dreadful -3
        ugly -3
        waste -3
        tired -3
        alone -3
        never -3
        bother -3
        cares -3
        stop -3
        problem -3

        """

    /// The frontier of the example's model, with the true reward of a lexicon.
    ///
    /// - Parameter writes: false on all ranks but one.
    /// - Throws: `StorageError`.
    static func frontier(writes: Bool) throws(StorageError) -> FrontierFile {
        _ = try EmbeddedExample.unpack(to: EmbeddedExample.folder, writes)
        let words = FileSystem.join(folder, "lexicon.txt")
        if writes {
            try FileSystem.makeDirectories(folder)
            try AtomicFile.write(lexicon, to: words)
        }
        var study = FrontierFile()
        study.model = FileSystem.join(EmbeddedExample.folder, "model")
        study.prompts = FileSystem.join(EmbeddedExample.folder, "train.jsonl.gz")
        study.heldOut = FileSystem.join(EmbeddedExample.folder, "test.jsonl.gz")
        study.truth = .lexicon(path: words)
        study.outputDirectory = folder
        return study
    }
}
