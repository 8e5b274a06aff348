import Collectives
import RunFiles
import Storage

/// The study files that were named, or that are made of the embedded example.
package enum StudyFiles {
    /// Collective.
    package static func front(_ path: String?, over communicator: Communicator) throws -> FrontStudyFile {
        let path = try communicator.failingTogether {
            try path ?? FrontExample.unpack(to: "study-front", communicator.isRoot)
        }
        communicator.barrier()
        return try communicator.failingTogether { try FrontStudyFile(bytes: FileSystem.read(path), file: path) }
    }

    /// Collective.
    package static func simpo(_ path: String?, over communicator: Communicator) throws -> SimPOStudyFile {
        if let path {
            return try communicator.failingTogether { try SimPOStudyFile(bytes: FileSystem.read(path), file: path) }
        }
        let folder = "study-simpo"
        let base = FileSystem.join(folder, "base.yaml")
        try communicator.onRoot {
            let example = FileSystem.join(folder, "example")
            _ = try EmbeddedExample.unpack(to: example, true)
            guard !FileSystem.exists(base) else { return }
            try AtomicFile.write(
                """
                model_name_or_path: \(example)/model
                train_file: \(example)/train.jsonl.gz
                eval_file: \(example)/test.jsonl.gz
                max_length: 64
                global_batch_size: 16
                max_steps: 94
                learning_rate: 3e-4
                warmup_ratio: 0.1
                save_strategy: "no"
                reference_cache: \(folder)/reference-cache

                """, to: base)
        }
        communicator.barrier()
        return SimPOStudyFile(base: base, outputDirectory: folder)
    }
}
