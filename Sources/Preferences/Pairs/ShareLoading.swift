import Machine
import Synchronization
import Tokenization

/// A file's fault, and the line at which it was seen: of several ranks' failures the first one counts.
package struct RowFailure: Error, Sendable, CustomStringConvertible {
    package let line: Int
    package let error: PreferenceError
    package var description: String { error.description }
}

extension RowEncoder {
    /// Encodes the share of a file that one rank owns, on several threads. The result doesn't depend on their number.
    ///
    /// - Parameters:
    ///   - rank: below `worldSize`.
    ///   - threads: this one included.
    ///   - progress: called on this thread from time to time with the number of rows of the file read so far.
    /// - Throws: `RowFailure`: the first wrong row of this share.
    package func encodeShare(
        of path: String, rank: Int = 0, of worldSize: Int = 1, threads: Int = 1, progress: (Int) -> Void = { _ in }
    ) throws(RowFailure) -> EncodedRows {
        let loading: ShareLoading
        do throws(PreferenceError) {
            loading = ShareLoading(self, try RowReader(path: path, rank: rank, of: worldSize))
        } catch {
            throw RowFailure(line: 0, error: error)
        }
        return try loading.run(threads: threads, progress: progress)
    }
}

/// One rank's rows on their way to tokens. Threads take batches of rows from the reader one at a time, encode them apart
/// and put them down in the order of the file.
private final class ShareLoading: @unchecked Sendable {
    /// Rows of a batch, the same for any number of threads.
    private static let batchSize = 64

    private struct Batch {
        var number: Int
        var rows: [RowReader.Row] = []
        /// The file could not be read further.
        var failure: RowFailure?
    }

    private let encoder: RowEncoder
    private let mutex = Mutex(())

    // What the threads share, under the mutex.
    private var reader: RowReader
    private var batches = 0
    private var isAtEnd = false
    private var rowsRead = 0
    private var encoded: EncodedRows
    /// Batches that wait for an earlier one.
    private var waiting: [Int: EncodedRows] = [:]
    private var batchesDone = 0
    private var firstFailure: (batch: Int, failure: RowFailure)?

    init(_ encoder: RowEncoder, _ reader: consuming RowReader) {
        self.encoder = encoder
        self.reader = reader
        encoded = EncodedRows(scoreNames: encoder.rule.scoreNames)
    }

    func run(threads: Int, progress: (Int) -> Void) throws(RowFailure) -> EncodedRows {
        // A thread that the system doesn't give is one less.
        let others = (1..<max(1, threads)).compactMap { _ in WorkerThread { [self] in work { _ in } } }
        work(progress: progress)
        for thread in others { thread.join() }
        if let firstFailure { throw firstFailure.failure }
        return encoded
    }

    private func locked<Value>(_ body: () -> Value) -> Value {
        mutex.withLock { _ in body() }
    }

    private func work(progress: (Int) -> Void) {
        let memory = encoder.makeMemory()
        while let batch = locked({ takeBatch() }) {
            let (rows, failure) = encode(batch, memory)
            progress(locked { finish(batch.number, rows, failure) })
        }
    }

    /// The next rows of the file; nil after the last, and once anything went wrong. Every batch before that one has been
    /// taken by then, so the first failure of the file is found whichever thread is faster.
    private func takeBatch() -> Batch? {
        guard !isAtEnd, firstFailure == nil else { return nil }
        var batch = Batch(number: batches)
        do throws(PreferenceError) {
            while batch.rows.count < Self.batchSize, let row = try reader.next() { batch.rows.append(row) }
            isAtEnd = batch.rows.count < Self.batchSize
        } catch {
            batch.failure = RowFailure(line: reader.line + 1, error: error)
            isAtEnd = true
        }
        if batch.rows.isEmpty, batch.failure == nil { return nil }
        batches += 1
        rowsRead = batch.rows.last.map { $0.row + 1 } ?? rowsRead
        return batch
    }

    private func encode(_ batch: Batch, _ memory: EncodingMemory?) -> (EncodedRows, RowFailure?) {
        var rows = EncodedRows(scoreNames: encoder.rule.scoreNames)
        for row in batch.rows {
            do throws(PreferenceError) {
                rows.append(try encoder.encode(row, memory: memory))
            } catch {
                return (rows, RowFailure(line: row.line, error: error))
            }
        }
        return (rows, batch.failure)
    }

    /// - Returns: rows of the file read so far.
    private func finish(_ batch: Int, _ rows: EncodedRows, _ failure: RowFailure?) -> Int {
        if let failure, firstFailure.map({ batch < $0.batch }) ?? true { firstFailure = (batch, failure) }
        waiting[batch] = rows
        while let next = waiting.removeValue(forKey: batchesDone) {
            encoded.append(contentsOf: next)
            batchesDone += 1
        }
        return rowsRead
    }
}
