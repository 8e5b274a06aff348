import Checkpoints
import Kernels
import Modeling
import Storage

/// The model that a merge begins with, tensor by tensor: what is stored, and what it is to the architecture.
struct MergeBase {
    /// A tensor of the model as float32, a piece at a time, and how the result stores it.
    struct Source {
        let name: String
        let shape: [Int]
        /// The element type of the result unless asked otherwise.
        let elementType: ElementType
        private let content: Content

        private enum Content {
            case tensor(TensorView)
            /// The matrix behind a quantised one.
            case matrix(StoredMatrix)
        }

        init(_ view: TensorView) {
            (name, shape, elementType, content) = (view.name, view.shape, view.elementType, .tensor(view))
        }

        /// - Parameter name: of the tensor in a model of floats.
        init(_ name: String, _ matrix: StoredMatrix) {
            (self.name, shape, elementType) = (name, [matrix.rows, matrix.columns], .float16)
            content = .matrix(matrix)
        }

        /// The tensor where it lies, if it is stored as it is used.
        var view: TensorView? {
            if case .tensor(let view) = content { view } else { nil }
        }

        func widen(from start: Int, into target: UnsafeMutablePointer<Float>, count: Int) {
            switch content {
            case .tensor(let view): view.widen(from: start, into: target, count: count)
            case .matrix(let matrix):
                var done = 0
                while done < count {
                    let (row, column) = (start + done).quotientAndRemainder(dividingBy: matrix.columns)
                    let columns = column..<min(matrix.columns, column + count - done)
                    matrix.widen(rows: row..<row + 1, columns: columns, into: target + done, stride: columns.count)
                    done += columns.count
                }
            }
        }
    }

    let directory: ModelDirectory
    let architecture: Architecture
    /// The files to be written with their tensors, in order.
    let files: [(name: String, tensors: [Source])]
    private let reading: FrozenReading
    private let naming: TensorNaming
    private let parameters: [String: ParameterTable.Parameter]
    private let sources: [String: Source]

    /// - Throws: `CheckpointError` or `ModelError`.
    init(_ path: String, on pool: ThreadPool) throws {
        directory = try ModelDirectory(path: path)
        architecture = try Architecture(config: directory.config, file: FileSystem.join(path, "config.json"))
        try architecture.requireLanguageModel(path)
        naming = TensorNaming(of: Set(directory.tensorNames), architecture)
        let table = ParameterTable(architecture, naming: naming)
        reading = try FrozenReading(directory, on: pool)
        var quantized: [String: Source] = [:]
        var read: Set<String> = []
        for parameter in table.parameters {
            let tensors = reading.tensors(of: parameter)
            guard tensors != [parameter.name] else {
                try Weights.check(parameter, in: directory)
                continue
            }
            let source = Source(parameter.name, try reading.matrix(of: parameter, on: pool))
            quantized[tensors[0]] = source
            read.formUnion(tensors)
        }
        parameters = Dictionary(uniqueKeysWithValues: table.parameters.map { ($0.name, $0) })
        files = directory.weightFiles.map { name, tensors in
            (name, tensors.compactMap { quantized[$0.name] ?? (read.contains($0.name) ? nil : Source($0)) })
        }
        sources = Dictionary(uniqueKeysWithValues: files.flatMap(\.tensors).map { ($0.name, $0) })
        head = architecture.family.tensors.heads[naming.head] + ".weight"
        embedding =
            naming.embeddingIsHead
            ? head
            : naming.stored(
                architecture.family.tensors.embedding + ".weight",
                architecture.family)
    }

    /// The head's name, whether or not it is stored apart from the embedding.
    let head: String
    /// The embedding's stored name.
    let embedding: String

    func source(_ name: String) -> Source? { sources[name] }

    /// The stored name of a tensor that `transformers` calls so: files saved from the decoder alone leave a prefix out, and
    /// the head goes by several names.
    func storedName(of name: String) -> String {
        let names = architecture.family.tensors
        if names.heads.contains(where: { "\($0).weight" == name }) { return head }
        if name == "\(names.prefix)\(names.embedding).weight" { return embedding }
        return naming.hasPrefix || !name.hasPrefix(names.prefix) ? name : String(name.dropFirst(names.prefix.count))
    }

    /// Whether a tensor is a matrix that products are taken with: no embedding and no table of positions.
    func isLinear(_ name: String) -> Bool {
        guard let parameter = parameters[name], parameter.shape.count == 2 else { return false }
        let names = architecture.family.tensors
        let tables = [names.embedding, names.positions].compactMap(\.self)
        return !tables.contains { name.hasSuffix("\($0).weight") }
    }

    /// Whether a matrix is stored [inputs, outputs].
    func isTransposed(_ name: String) -> Bool { parameters[name]?.layout == .transposed }
}

extension TensorNaming {
    /// A name within the decoder as the checkpoint stores it.
    fileprivate func stored(_ name: String, _ family: Family) -> String {
        (hasPrefix ? family.tensors.prefix : "") + name
    }
}
