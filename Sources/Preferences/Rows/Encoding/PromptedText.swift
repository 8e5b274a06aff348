import ChatTemplates
import Tokenization

/// A prompt with one response, encoded as a whole and cut into two.
///
/// Encoding both together gives the tokens a model will really see (a tokenizer may join the end of the prompt with
/// the start of the response); the cut comes from the byte offsets. A token on both sides of it belongs to the
/// response: it can't be predicted from the prompt alone.
struct PromptedText {
    let prompt: [Int32]
    /// Empty if the response has no text of its own, whatever endings the tokenizer adds.
    let response: [Int32]
    /// The response's first token begins inside the prompt.
    let straddles: Bool

    /// A prompt with each of its responses.
    static func each(
        of responses: [String], after prompt: String, addSpecialTokens: Bool = true, tokenizer: Tokenizer,
        memory: EncodingMemory, at place: RowPlace
    ) throws(PreferenceError) -> [PromptedText] {
        do throws(TokenizerError) {
            return try tokenizer.encode(
                prompt, followedBy: responses, addSpecialTokens: addSpecialTokens, memory: memory
            ).map { PromptedText($0, boundary: prompt.utf8.count, tokenizer) }
        } catch { throw .tokenizer(place, error) }
    }

    /// - Parameter boundary: the byte at which the response begins.
    private init(_ encoded: Encoding, boundary: Int, _ tokenizer: Tokenizer) {
        let whole = PromptedText.singleEnds(encoded, tokenizer)
        // Tokens that a post-processor added have empty offsets: those in front are the prompt's, an ending is the
        // response's, and neither makes a response of nothing.
        let first = whole.first { encoded.offsets[$0].upperBound > boundary && !encoded.offsets[$0].isEmpty }
        let cut = first ?? whole.upperBound
        prompt = Array(encoded.ids[whole.lowerBound..<cut])
        response = Array(encoded.ids[cut..<whole.upperBound])
        straddles = first.map { encoded.offsets[$0].lowerBound < boundary } ?? false
    }

    /// Encodes a conversation of which the assistant's turns are scored. It gives the tokens up to the first of them, and
    /// the others up to the last of them with the places that aren't of any.
    /// - Returns: nil if no token is of a turn.
    static func turns(
        of spoken: SpokenText, tokenizer: Tokenizer, memory: EncodingMemory, at place: RowPlace
    ) throws(PreferenceError) -> (text: PromptedText, gaps: [Range<Int>])? {
        let encoded: Encoding
        do throws(TokenizerError) {
            encoded = try tokenizer.encode(spoken.text, addSpecialTokens: false, memory: memory)
        } catch { throw .tokenizer(place, error) }
        var scored: [Int] = []
        var straddles = false
        var turn = 0
        for (number, token) in encoded.offsets.enumerated() where !token.isEmpty {
            while turn < spoken.turns.count, token.lowerBound >= spoken.turns[turn].upperBound { turn += 1 }
            guard turn < spoken.turns.count else { break }
            guard token.upperBound > spoken.turns[turn].lowerBound, spoken.has(token, in: spoken.turns[turn]) else {
                continue
            }
            straddles = straddles || token.lowerBound < spoken.turns[turn].lowerBound
            scored.append(number)
        }
        guard let first = scored.first, let last = scored.last else { return nil }
        let gaps = zip(scored, scored.dropFirst()).filter { $0 + 1 < $1 }.map { $0 + 1 - first..<$1 - first }
        return (
            PromptedText(
                prompt: Array(encoded.ids[..<first]), response: Array(encoded.ids[first...last]), straddles: straddles),
            gaps
        )
    }

    private init(prompt: [Int32], response: [Int32], straddles: Bool) {
        (self.prompt, self.response, self.straddles) = (prompt, response, straddles)
    }

    /// Encodes a prompt alone, for generation. As in training it begins with at most one beginning-of-sequence token, and
    /// it has no ending, since a model would take it for the end of the answer.
    static func prompt(
        _ text: String, addSpecialTokens: Bool = true, tokenizer: Tokenizer, at place: RowPlace
    ) throws(PreferenceError) -> [Int32] {
        let encoded: Encoding
        do throws(TokenizerError) { encoded = try tokenizer.encode(text, addSpecialTokens: addSpecialTokens) } catch {
            throw .tokenizer(place, error)
        }
        var whole = singleEnds(encoded, tokenizer)
        if let last = whole.last, encoded.ids[last] == tokenizer.eosToken, encoded.offsets[last].isEmpty, last > 0 {
            whole.removeLast()
        }
        return whole.map { encoded.ids[$0] }
    }

    /// The tokens without a beginning or an ending that was added to a text which already had its own.
    private static func singleEnds(_ encoded: Encoding, _ tokenizer: Tokenizer) -> Range<Int> {
        let ids = encoded.ids
        var whole = ids.indices
        if whole.count > 1, let bos = tokenizer.bosToken, ids[0] == bos, ids[1] == bos, encoded.offsets[0].isEmpty {
            whole.removeFirst()
        }
        if whole.count > 1, let eos = tokenizer.eosToken, let last = whole.last, ids[last] == eos, ids[last - 1] == eos,
            encoded.offsets[last].isEmpty
        {
            whole.removeLast()
        }
        return whole
    }
}
