"""Rows of a data file as the token ids a run must see, by rules written down once more in Python.

Token-id rows are taken as they are. Text rows are encoded prompt and response together, with special tokens, and cut at
the character where the response starts: a token that reaches over the cut belongs to the response. The end-of-sequence
token is appended unless the tokenizer wrote it; the beginning-of-sequence token comes at most once. HH transcripts are
cut after the last "\\n\\nAssistant:" of both dialogues; rows whose prompts differ or with an empty response are
left out. Ranked and conversational rows aren't read here.
"""
import gzip
import json
import pathlib

from tokenizers import Tokenizer

ASSISTANT = "\n\nAssistant:"


def read_rows(path):
    path = pathlib.Path(path)
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8")
    with opened as lines:
        return [json.loads(line) for line in lines if line.strip()]


class TextEncoder:
    """Encodes by the model directory's tokenizer.json; made on the first text row, so token-id data needs none."""

    def __init__(self, directory):
        directory = pathlib.Path(directory)
        self.tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        settings = directory / "tokenizer_config.json"
        settings = json.loads(settings.read_text()) if settings.exists() else {}
        self.eos, self.bos = (self.special(settings.get(k)) for k in ("eos_token", "bos_token"))

    def special(self, token):
        token = token.get("content") if isinstance(token, dict) else token
        return None if token is None else self.tokenizer.token_to_id(token)

    def cut(self, prompt, response):
        """(prompt ids, scored ids)."""
        encoding = self.tokenizer.encode(prompt + response, add_special_tokens=True)
        ids, ends = list(encoding.ids), [end for _, end in encoding.offsets]
        first = next((i for i, end in enumerate(ends) if end > len(prompt)), len(ids))
        before, after = ids[:first], ids[first:]
        if len(before) > 1 and self.bos is not None and before[:2] == [self.bos, self.bos]:
            before = before[1:]
        if self.eos is not None and after and after[-1] != self.eos:
            after = after + [self.eos]
        return before, after


def split_transcripts(row):
    """(prompt, chosen, rejected) of an HH row, or None when it is dirty."""
    parts = []
    for side in ("chosen", "rejected"):
        cut = row[side].rfind(ASSISTANT)
        if cut < 0:
            return None
        parts.append((row[side][: cut + len(ASSISTANT)], row[side][cut + len(ASSISTANT) :]))
    (prompt, chosen), (other, rejected) = parts
    return (prompt, chosen, rejected) if prompt == other else None


def encode_rows(rows, directory, longest):
    """[(row, encoded)] of every usable pair. `encoded`: chosen and rejected as (prompt ids, scored ids), and scores."""
    encoder, kept = None, []
    for row in rows:
        if "prompt_ids" in row:
            pair = {side: (row["prompt_ids"], row[side + "_ids"]) for side in ("chosen", "rejected")}
        else:
            texts = (row["prompt"], row["chosen"], row["rejected"]) if "prompt" in row else split_transcripts(row)
            if texts is None or not texts[1].strip() or not texts[2].strip() or texts[1] == texts[2]:
                continue
            encoder = encoder or TextEncoder(directory)
            pair = {"chosen": encoder.cut(texts[0], texts[1]), "rejected": encoder.cut(texts[0], texts[2])}
        usable = all(prompt and scored and len(prompt) + len(scored) <= longest for prompt, scored in pair.values())
        if usable and pair["chosen"] != pair["rejected"]:
            pair["scores"] = {side: row.get("scores_" + side, {}) for side in ("chosen", "rejected")}
            kept.append((row, pair))
    return kept
