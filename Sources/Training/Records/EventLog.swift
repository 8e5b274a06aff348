import Glibc
import Machine
import Statistics
import Storage

/// `tensorboard/`: what `metrics.jsonl` says, as TensorBoard reads it, with histograms of the held-out margins and the
/// policy's sample texts.
///
/// A run that is gone on with has one file again: events up to its step as they were, then its own. So no step is there
/// twice.
package final class EventLog {
    private let file: OpenFile

    /// - Throws: `StorageError`.
    package init(directory: String, resumingAfter step: Int) throws(StorageError) {
        let folder = FileSystem.join(directory, "tensorboard")
        try FileSystem.makeDirectories(folder)
        let old = try FileSystem.list(folder).filter { $0.contains("tfevents") }
        var kept: [UInt8] = []
        if step > 0 {
            for name in old {
                for record in RecordFrame.records(of: try FileSystem.read(FileSystem.join(folder, name))) {
                    // The head of a file has no step; this file gets its own.
                    guard let logged = ProtobufMessage.integer(2, of: record), logged <= step else { continue }
                    kept += RecordFrame.framed(Array(record))
                }
            }
        }
        let now = WallClock.now()
        let name = "events.out.tfevents.\(Int(now)).\(hostName()).\(getpid()).0"
        var head = ProtobufMessage()
        head.add(1, now)
        head.add(3, "brain.Event:2")
        // Whole before the old ones go.
        let path = FileSystem.join(folder, name)
        try AtomicFile.write(RecordFrame.framed(head.bytes) + kept, to: path)
        for other in old where other != name { try FileSystem.remove(FileSystem.join(folder, other)) }
        file = try OpenFile(appendingTo: path)
    }

    /// Adds a row of `metrics.jsonl`: each number under `train/` or, of an evaluation, under `eval/`.
    ///
    /// - Parameter samples: an evaluation's lines of `samples.jsonl`.
    /// - Throws: `StorageError`.
    package func append(_ row: JSONObject, samples: [JSONObject] = []) throws(StorageError) {
        guard let step = row["step"]?.integer else { return }
        var summary = ProtobufMessage()
        for (name, value) in row.members {
            guard name != "step", let number = value.double else { continue }
            var scalar = ProtobufMessage()
            scalar.add(1, name.hasPrefix("eval_") ? "eval/\(name.dropFirst(5))" : "train/\(name)")
            scalar.add(2, Float(number))
            summary.add(1, scalar)
        }
        try write(summary, step: step)
        guard !samples.isEmpty else { return }
        let text = samples.map { sample in
            let prompt = sample["prompt"].map { $0.string ?? $0.text } ?? ""
            return "**\(prompt)**\n\n\(sample["response"]?.string ?? "")\n\n---\n\n"
        }
        try write(text: text.joined(), named: "samples", step: step)
    }

    /// Adds the distribution of some numbers.
    /// - Throws: `StorageError`.
    package func append(_ values: [Double], named name: String, step: Int) throws(StorageError) {
        let edges = Histogram.edges(of: [values])
        guard edges.count > 1, let least = values.min(), let greatest = values.max() else { return }
        var histogram = ProtobufMessage()
        histogram.add(1, least)
        histogram.add(2, greatest)
        histogram.add(3, Double(values.count))
        histogram.add(4, values.reduce(0, +))
        histogram.add(5, values.reduce(0) { $0 + $1 * $1 })
        // A bucket ends at its limit; the first one is empty and ends where the numbers begin.
        histogram.add(6, packed: edges)
        histogram.add(7, packed: [0] + Histogram.counts(of: values, edges: edges))
        var value = ProtobufMessage()
        value.add(1, name)
        value.add(5, histogram)
        var summary = ProtobufMessage()
        summary.add(1, value)
        try write(summary, step: step)
    }

    /// A tensor of one string, for the plugin of texts.
    private func write(text: String, named name: String, step: Int) throws(StorageError) {
        var (dimension, shape, tensor) = (ProtobufMessage(), ProtobufMessage(), ProtobufMessage())
        dimension.add(1, 1)
        shape.add(2, dimension)
        tensor.add(1, 7)
        tensor.add(2, shape)
        tensor.add(8, text)
        var (plugin, metadata, value, summary) = (
            ProtobufMessage(), ProtobufMessage(), ProtobufMessage(), ProtobufMessage()
        )
        plugin.add(1, "text")
        metadata.add(1, plugin)
        value.add(1, name)
        value.add(8, tensor)
        value.add(9, metadata)
        summary.add(1, value)
        try write(summary, step: step)
    }

    private func write(_ summary: ProtobufMessage, step: Int) throws(StorageError) {
        var event = ProtobufMessage()
        event.add(1, WallClock.now())
        event.add(2, step)
        event.add(5, summary)
        let record = RecordFrame.framed(event.bytes)
        try record.withUnsafeBufferPointer { buffer throws(StorageError) in
            try file.write(UnsafeRawBufferPointer(buffer))
        }
    }
}
