import Collectives
import Modeling
import Preferences
import RunFiles

/// The encoding of a run's rows for a model's vocabulary and positions.
extension RunFile {
    /// An encoder for each data file.
    /// - Throws: on every rank alike. Collective.
    package func encoders(
        tokenizer path: String, for shape: Architecture, over communicator: Communicator
    ) throws -> (String) -> RowEncoder {
        // Rows of token ids need no tokenizer; a row of text without one says so itself.
        let encoding = try communicator.failingTogether {
            try TextEncoding(folder: path, isRequired: self.model.tokenizerPath != nil)
        }
        let rule = encodingRule(for: shape)
        return { RowEncoder(encoding, mapping: self.data.mapping, rule: rule, file: $0) }
    }

    /// The parts of each row that are read, and their lengths.
    func encodingRule(for shape: Architecture) -> EncodingRule {
        let columns: [String] = (self.margins?.rewards ?? []).compactMap {
            if case .column(let name) = $0.source { name } else { nil }
        }
        var rule = EncodingRule(
            maxLength: maxLength(for: shape), truncation: self.data.truncation,
            appendEOS: self.data.appendEOS, judges: self.objective.judges,
            scoredTurns: self.data.scoreTurns, scoreNames: columns, vocabularySize: shape.vocabulary)
        if self.objective.judges == .prompts { rule.responseLength = self.ppo.responseLength }
        if self.objective.readsRewards {
            rule.scoreNames.append(RowMapping.margin)
            rule.readsMargin = true
        }
        return rule
    }

    /// Most tokens of a prompt with one response.
    func maxLength(for shape: Architecture) -> Int { self.data.maxLength ?? min(1024, shape.positions) }
}
