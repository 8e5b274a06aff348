import Checkpoints
import Modeling
import Storage

/// Whether models can be combined: the same arithmetic, and tensors of the same names, shapes and types.
extension MergeBase {
    /// - Parameter mayDifferInType: whether the result's type is said, so that it isn't the models' to say.
    /// - Throws: `ModelError.inconsistent`, with the first difference.
    func requireSameShape(_ other: MergeBase, mayDifferInType: Bool) throws(ModelError) {
        func refusal(_ reason: String) -> ModelError {
            .inconsistent(file: other.directory.path, reason: "can't be combined with \(directory.path): \(reason)")
        }
        guard architecture.vocabulary == other.architecture.vocabulary else {
            throw refusal(
                "its vocabulary has \(other.architecture.vocabulary) tokens, that of the other \(architecture.vocabulary)"
            )
        }
        guard architecture.comparable == other.architecture.comparable else {
            throw refusal(
                "their config.json differ in \(differences(from: other)); only models of one architecture combine")
        }
        let names = Set(directory.tensorNames)
        let others = Set(other.directory.tensorNames)
        for name in others.symmetricDifference(names).sorted() where !Weights.isBuffer(name) {
            throw refusal(others.contains(name) ? "only it holds tensor \"\(name)\"" : "it holds no tensor \"\(name)\"")
        }
        for name in names.sorted() {
            guard let one = source(name), let two = other.source(name) else { continue }
            guard one.shape == two.shape else {
                throw refusal("tensor \"\(name)\" has the shape \(two.shape) in it, \(one.shape) in the other")
            }
            guard one.elementType == two.elementType || mayDifferInType else {
                throw refusal(
                    "tensor \"\(name)\" is stored as \(two.elementType.rawValue) in it, as \(one.elementType.rawValue) in "
                        + "the other; say with --dtype what the result is to be stored as")
            }
        }
    }

    /// A tensor that isn't of numbers to be combined must be the same in all.
    func requireEqual(_ tensor: Source, in bases: [MergeBase]) throws(ModelError) {
        for other in bases.dropFirst() {
            guard let view = other.source(tensor.name)?.view, let mine = tensor.view else { continue }
            guard view.elementType == mine.elementType, view.bytes.elementsEqual(mine.bytes) else {
                throw .inconsistent(
                    file: other.directory.path,
                    reason:
                        "tensor \"\(tensor.name)\" (\(tensor.elementType.rawValue)) isn't of weights, and differs from "
                        + "\(directory.path)'s; remove it from both")
            }
        }
    }

    /// The fields of the configs that differ: the reader can tell which of them matter.
    private func differences(from other: MergeBase) -> String {
        let (one, two) = (directory.config.object ?? [:], other.directory.config.object ?? [:])
        let provenance: Set<String> = [
            "_name_or_path", "transformers_version", "dtype", "torch_dtype", "use_cache", "initializer_range",
        ]
        let names = Set(one.names).union(two.names).subtracting(provenance).filter { one[$0] != two[$0] }
        return names.sorted().map { name in
            "\(name) (\(two[name]?.text ?? "absent") and \(one[name]?.text ?? "absent"))"
        }.joined(separator: ", ")
    }
}

extension Architecture {
    /// Without what doesn't change what weights mean.
    fileprivate var comparable: Architecture {
        var other = self
        (other.initializerRange, other.endTokens) = (0, [])
        // Where positions are learned, their table's shape says it.
        other.positions = 0
        return other
    }
}
