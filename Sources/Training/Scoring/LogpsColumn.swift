import Checkpoints
import Collectives
import Kernels
import Liveness
import Machine
import Modeling
import Preferences
import Storage

/// A column of logps: one number per response of a set, from the cache or computed by all ranks and then kept.
package struct LogpsColumn {
    package let communicator: Communicator
    let console: Console
    package let cacheFolder: String
    /// The arithmetic of the models' products: another one gives other logps, kept in other entries.
    package let arithmetic: Arithmetic

    package init(communicator: Communicator, console: Console, cacheFolder: String, arithmetic: Arithmetic) {
        (self.communicator, self.console, self.cacheFolder) = (communicator, console, cacheFolder)
        self.arithmetic = arithmetic
    }

    /// Logps of the responses of the given comparisons under a model; 0 for the others.
    ///
    /// - Parameters:
    ///   - directory: the model's folder.
    ///   - digest: its content's digest, known on rank 0 at least.
    ///   - transformer: loads the model, or gives one that is loaded; called only if something is missing from the cache.
    ///   - name: what the column is, for messages.
    /// - Throws: on every rank alike. Collective.
    func logps(
        of set: PreferenceSet, comparisons: [Int], model directory: String, digest: Digest.Value, name: String,
        transformer: () throws -> Transformer
    ) throws -> [Double] {
        var cache: ReferenceCache?
        var keys: [Int: Digest.Value] = [:]
        var column = [Double](repeating: 0, count: set.responses.count)
        var missing = [Double](repeating: 0, count: set.comparisons.count)
        if communicator.isRoot {
            let opened = ReferenceCache(folder: cacheFolder, model: digest, arithmetic: arithmetic)
            if let reason = opened.rejected { console.line("\(name) logps: \(opened.path) is not used: \(reason)") }
            for index in comparisons {
                let comparison = set.comparisons[index]
                let key = ReferenceCache.key(of: comparison, in: set)
                keys[index] = key
                if let known = opened.logps(of: key, responses: comparison.responses.count) {
                    for (response, value) in zip(comparison.responses, known) { column[response] = value }
                } else {
                    missing[index] = 1
                }
            }
            cache = opened
        }
        missing = communicator.broadcast(missing)
        column = communicator.broadcast(column)
        let unknown = missing.indices.filter { missing[$0] > 0 }
        let known = comparisons.count - unknown.count
        guard !unknown.isEmpty else {
            console.line("\(name) logps: \(known) comparisons from \(cache?.path ?? "")")
            return column
        }

        // What couldn't be kept must not come out after hours.
        try communicator.onRoot { try ReferenceCache.prepare(cacheFolder) }
        let start = SteadyClock.now()
        let fresh = try RunProgress.during(.score) {
            try ResponseScoring(set: set, communicator: communicator, console: console).logps(
                of: unknown, with: transformer(), title: "\(name) logps", model: directory)
        }
        for comparison in unknown {
            for response in set.comparisons[comparison].responses { column[response] = fresh[response] }
        }
        try communicator.failingTogether {
            guard var cache else { return }
            for comparison in unknown {
                guard let key = keys[comparison] else { continue }
                cache.insert(set.comparisons[comparison].responses.map { fresh[$0] }, for: key)
            }
            try cache.save()
        }
        console.line(
            "\(name) logps: \(unknown.count) comparisons computed in \(fixed(SteadyClock.now() - start, 1)) s"
                + (known > 0 ? ", \(known) from the cache" : "") + "; kept in \(cache?.path ?? "")")
        return column
    }
}
