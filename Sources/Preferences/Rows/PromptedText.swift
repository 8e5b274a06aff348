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

    /// A prompt alone, for generation: as in training it begins with at most one beginning-of-sequence token, and it
    /// has no ending, since a model would take it for the end of the answer.
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
