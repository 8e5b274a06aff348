"""Makes the tokenizers and goldens under Fixtures with the `tokenizers` library (0.23.3).

    python make_tokenizer_goldens.py [folder of real data, default ../../../shared]

The small tokenizers are trained here on the text below. Goldens of real tokenizers hold our own strings and the
library's ids for them, nothing of the tokenizers themselves.
"""
import base64
import json
import random
import struct
import sys
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

HERE = Path(__file__).parent / "Fixtures"
SHARED = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "../../../shared")

TEXT = """
The harbour was quiet when the first boat came in. Nobody waved; nobody had slept. "Did you bring the letters?" asked
the pilot's daughter, and he didn't answer. They'd counted 1024 crates, 77 barrels and 3 goats by noon, and we've
never known why. I'll write it down: def weigh(crate): return crate.mass * 9.81  # newtons
if (ready && !late) { launch("boat", 42); } else { wait(); }
Les élèves mangèrent des gâteaux près de la forêt; der Bäcker grüßte die Straße. El niño soñó mañana.
Вечером шёл снег, и дети смеялись. 春の海は静かで、船は遠くへ行った。 今日はとても良い天気です。 안녕하세요, 반갑습니다.
   Indented lines   have    many spaces.
\tTabs\ttoo.

"""

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)

PIECES = [
    "", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", " \n ", "\u00a0", "\u3000", "\u2028", "\u200b", "\ufeff", "\x00",
    "\x07", "\x7f", "\x85", "a", "the", " the", "Hello", "HELLO", "hello world", "don't", "DON'T", "I'LL", "we've", "'s",
    "'S", "it'\u017f", "'", '"', "7", "42", "1024", "1234567", " 12", "\u00bd", "\u00b2", "\u2167", "\u0663\u0664", "\u0967\u0968",
    "\U0001f600", "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd", "\U0001f3f3\ufe0f\u200d\U0001f308",
    "\U0001f1eb\U0001f1f7", "日本語", "今日は", "中文字符", "한국어", "안녕하세요", "\u1100\u1161\u11a8", "مرحبا", "नमस्ते", "क्षि",
    "สวัสดี", "ภาษาไทย", "é", "e\u0301", "a\u0323\u0307", "a\u0307\u0323", "\u1ed9", "A\u030a", "\u2126", "\ufb01", "ß", "İ",
    "q\u0323\u0307", "\u0304\u0301", "\u0344", "\u1f71", "…", "—", "“quote”", "()", "{}", "[];", "!=", "//", "/*", "#x",
    "def f(x):\n    return x", "https://a.b/c?d=e&f", "a_b", "x^2", "<", "<|", "|>", "<s>", "</s>", "<unk>", "<0x0A>", "<0x41>",
    "<|begin|>", "<|end|>", " <|end|> ", "<|begin", "<MASK>", "  <MASK>", "[X]", "[X]  ", "word", "words", " word ", "Name",
    "NAME", "▁", "▁▁", "▁the", "_", "Ġ", "Ġthe", "Ċ", "\ufffd", "\U0010ffff", "𝒳", "ʼn", "z\u0337\u0322\u031b", "\u0378", "\ua7cf",
    "camelCase", "ÀÉ", "ー", "、", "。", "AAAA", "aaaaaaaaaaaaaaaaaaaaaaaa", "--------", "  \n\t \n", "\n \n",
    "abcdefgh" * 12, "é" * 70, " " * 90, "1,234.56", "3.14e-10", "$5", "%", "\\n", "\u200d", "\ufe0f", "\u0e33", "\u0d4d",
    "豈", "㈱", "ｱﾞ",
]  # fmt: skip


def strings(count, seed):
    chance = random.Random(seed)
    mixed = ["".join(chance.choice(PIECES) for _ in range(chance.randrange(2, 7))) for _ in range(count)]
    return list(dict.fromkeys(PIECES + mixed))


def added(id, content, **flags):
    token = {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False}
    return {**token, "normalized": False, "special": True, **flags}


def template(begin, end):
    """Begin and end tokens around the text; `end` may be None."""
    piece = lambda token: {"SpecialToken": {"id": token["content"], "type_id": 0}}
    text = [{"Sequence": {"id": "A", "type_id": 0}}]
    around = [piece(begin)] + text + ([piece(end)] if end else [])
    special = {
        t["content"]: {"id": t["content"], "ids": [t["id"]], "tokens": [t["content"]]} for t in (begin, end) if t
    }
    pair = around + [{"Sequence": {"id": "B", "type_id": 1}}]
    return {"type": "TemplateProcessing", "single": around, "pair": pair, "special_tokens": special}


def trained(pre_tokenizer, normalizer, size, alphabet):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer:
        tokenizer.normalizer = normalizer
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([TEXT] * 4, trainer)
    return json.loads(tokenizer.to_str())


def byte_level():
    """GPT-2's shape: merges as strings, spaces trimmed off offsets, a space put in front."""
    file = trained(pre_tokenizers.ByteLevel(), None, 480, sorted(pre_tokenizers.ByteLevel.alphabet()))
    file["model"]["merges"] = [" ".join(pair) for pair in file["model"]["merges"]]
    file["post_processor"] = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    file["decoder"] = dict(file["post_processor"])
    file["added_tokens"] = [added(len(file["model"]["vocab"]), "<|end|>", normalized=True)]
    return file


def split_level():
    """Llama 3's shape, with NFC as in Qwen 2 and added tokens of every kind."""
    cut = pre_tokenizers.Split(Regex(LLAMA3), "isolated")
    both = pre_tokenizers.Sequence([cut, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    file = trained(both, normalizers.NFC(), 520, sorted(pre_tokenizers.ByteLevel.alphabet()))
    file["model"]["ignore_merges"] = True
    first = len(file["model"]["vocab"])
    file["added_tokens"] = [
        added(first, "<|begin|>"),
        added(first + 1, "<|end|>", rstrip=True),
        added(first + 2, "<MASK>", lstrip=True),
        added(first + 3, "words", single_word=True, special=False),
        added(first + 4, "Name", normalized=True, special=False),
    ]
    processor = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}
    begin, end = file["added_tokens"][:2]
    file["post_processor"] = {"type": "Sequence", "processors": [processor, template(begin, end)]}
    file["decoder"] = processor
    return file


def fallback():
    """Llama 2's shape: no pre-tokenizer, "▁" for spaces, bytes for what isn't in the vocabulary."""
    metaspace = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    file = trained(pre_tokenizers.Metaspace(prepend_scheme="never"), metaspace, 330, [])
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    for token in file["model"]["vocab"]:
        if token not in ("\n", "\t"):
            tokens.append(token)
    vocabulary = {token: id for id, token in enumerate(tokens)}
    merges = [pair for pair in file["model"]["merges"] if all(t in vocabulary for t in (*pair, "".join(pair)))]
    file["model"].update(vocab=vocabulary, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    file["pre_tokenizer"] = None
    file["added_tokens"] = [added(0, "<unk>"), added(1, "<s>"), added(2, "</s>", normalized=True)]
    file["added_tokens"].append(added(len(tokens), "[X]", rstrip=True, special=False))
    file["post_processor"] = template(added(1, "<s>"), None)
    replace = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    file["decoder"] = {"type": "Sequence", "decoders": [replace, {"type": "ByteFallback"}, {"type": "Fuse"}, strip]}
    return file


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}


def bytes_after(*steps):
    return pre_tokenizers.Sequence([*steps, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def expressions():
    """DeepSeek-V3's shape: several patterns one after the other, the last of which doesn't cover the text."""
    patterns = [r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+"]
    patterns.append(
        r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"""
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    cuts = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    file = trained(bytes_after(*cuts), None, 420, sorted(pre_tokenizers.ByteLevel.alphabet()))
    first = len(file["model"]["vocab"])
    file["added_tokens"] = [added(first, "<｜begin▁of▁sentence｜>"), added(first + 1, "[X]", special=False, lstrip=True)]
    file["post_processor"] = template(file["added_tokens"][0], None)
    file["decoder"] = dict(BYTE_LEVEL)
    return file


def accents():
    """Every kind of normalizer, a pattern with possessive, lazy and look-around parts, RoBERTa's ends."""
    numbers = normalizers.Replace(Regex(r"(?:\d[.,])+\d|(?<![a-z])q|\b(?:x|y)y*?z?(?=\W)"), "#")
    steps = [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip(), numbers]
    cut = pre_tokenizers.Split(
        Regex(r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"),
        "removed",
        invert=True,
    )
    digits = pre_tokenizers.Digits(individual_digits=True)
    file = trained(bytes_after(cut, digits), normalizers.Sequence(steps), 400, sorted(pre_tokenizers.ByteLevel.alphabet()))
    first = len(file["model"]["vocab"])
    file["added_tokens"] = [added(first, "<s>"), added(first + 1, "</s>"), added(first + 2, "Name", normalized=True)]
    ends = {"sep": ["</s>", first + 1], "cls": ["<s>", first], "trim_offsets": True, "add_prefix_space": True}
    file["post_processor"] = {"type": "RobertaProcessing", **ends}
    file["decoder"] = dict(BYTE_LEVEL)
    return file


def metaspace():
    """Mistral's newer shape: "▁" put in front of the first piece only, the text not cut."""
    file = fallback()
    file["normalizer"] = None
    file["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}
    return file


def marked():
    """Gemma's shape: spaces marked, nothing in front, line breaks as added tokens."""
    file = fallback()
    file["normalizer"] = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    split = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    file["pre_tokenizer"] = split
    first = len(file["model"]["vocab"]) + 1
    for place, text in enumerate(["\n\n", "▁▁▁", "\t"]):
        file["added_tokens"].append(added(first + place, text, special=False))
    file["decoder"]["decoders"].pop()
    return file


def double_array(entries):
    """SentencePiece's character map of a few entries: a trie in a double array, then the texts."""
    texts, places = b"", {}
    for key, value in entries.items():
        places[key.encode()] = len(texts)
        texts += value.encode() + b"\0"
    units, taken = [0] * 4096, {0}

    def place(node, prefix):
        labels = sorted({key[len(prefix)] for key in places if key.startswith(prefix) and len(key) > len(prefix)})
        leaf = [0] if prefix in places else []
        offset = next(o for o in range(1, 2048) if all(node ^ o ^ label not in taken for label in leaf + labels))
        units[node] |= offset << 10 | bool(leaf) << 8
        taken.update(node ^ offset ^ label for label in leaf + labels)
        if leaf:
            units[node ^ offset] = 1 << 31 | places[prefix]
        for label in labels:
            units[node ^ offset ^ label] = label
        for label in labels:
            place(node ^ offset ^ label, prefix + bytes([label]))

    place(0, b"")
    trie = struct.pack("<4096I", *units)
    return base64.b64encode(struct.pack("<I", len(trie)) + trie.rstrip(b"\0").ljust(len(trie), b"\0") + texts).decode()


def unigram(byte_fallback):
    """T5's shape, and with byte fallback and an uncut text SentencePiece's own."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=300, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator([TEXT] * 4, trainer)
    file = json.loads(tokenizer.to_str())
    if byte_fallback:
        file["model"]["byte_fallback"] = True
        file["model"]["vocab"] += [[f"<0x{byte:02X}>", 0.0] for byte in range(256)]
        file["pre_tokenizer"].update(prepend_scheme="first", split=False)
        replace = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
        file["decoder"] = {"type": "Sequence", "decoders": [replace, {"type": "ByteFallback"}, {"type": "Fuse"}]}
    else:
        entries = {"\u3000": " ", "\u00a0": " ", "\x07": "", "\ufb01": "fi", "\u0e33": "\u0e4d\u0e32", "e\u0301": "é"}
        entries |= {"A\u030a": "Å", "\u2126": "Ω", "\t": " ", "\r": " ", "\u2167": "VIII", "\U0001f44d": "+1"}
        spaces = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
        map = {"type": "Precompiled", "precompiled_charsmap": double_array(entries)}
        file["normalizer"] = {"type": "Sequence", "normalizers": [map, spaces]}
        split = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, file["pre_tokenizer"]]}
        file["pre_tokenizer"] = split
        file["decoder"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    file["post_processor"] = template(added(1, "</s>"), None)
    file["post_processor"]["single"].reverse()
    return file


def byte_places(text):
    """From scalar offsets, which the library's Python side gives, to UTF-8 offsets."""
    places = [0]
    for scalar in text:
        places.append(places[-1] + len(scalar.encode()))
    return places


def write(path, rows):
    lines = [json.dumps(row, ensure_ascii=True, separators=(",", ":")) + "\n" for row in rows]
    path.write_text("".join(lines))


def main():
    small = [("byte-level", byte_level(), 130), ("split-level", split_level(), 130), ("fallback", fallback(), 130)]
    small += [("expressions", expressions(), 0), ("accents", accents(), 0), ("metaspace", metaspace(), 0)]
    small += [("marked", marked(), 0), ("unigram", unigram(False), 0), ("unigram-bytes", unigram(True), 0)]
    for name, file, mixed in small:
        folder = HERE / name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "tokenizer.json"
        path.write_text(json.dumps(file, ensure_ascii=False, indent=0) + "\n")
        tokenizer = Tokenizer.from_file(str(path))
        rows = []
        # The later ones have fewer strings, for the size of the repository.
        texts = strings(130, name) if mixed else strings(60, name)[3::4] + strings(60, name)[-30:]
        for text in dict.fromkeys(texts):
            plain = tokenizer.encode(text, add_special_tokens=False)
            special = tokenizer.encode(text).ids
            places = byte_places(text)
            offsets = [places[end] for pair in plain.offsets for end in pair]
            decoded = [tokenizer.decode(special, skip_special_tokens=skip) for skip in (False, True)]
            rows.append(dict(text=text, ids=plain.ids, special=special, offsets=offsets, decoded=decoded))
        write(folder / "encoded.jsonl", rows)
        chance = random.Random(name)
        size = tokenizer.get_vocab_size()
        lists = [[chance.randrange(size) for _ in range(chance.randrange(1, 9))] for _ in range(80 if mixed else 25)]
        write(folder / "decoded.jsonl", [dict(ids=ids, decoded=tokenizer.decode(ids, skip_special_tokens=False)) for ids in lists])

    real = ["data/tokenizers/gpt2", "data/tokenizers/qwen2", "data/tokenizers/phi3", "data/tokenizers/minimind"]
    rows = []
    for name in real + ["data/models/stories260K", "bench/smol135"]:
        tokenizer = Tokenizer.from_file(str(SHARED / name / "tokenizer.json"))
        tokenizer.no_truncation()
        for text in strings(60, name)[3:]:
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            rows.append(dict(tokenizer=name, text=text, ids=ids, decoded=tokenizer.decode(ids, skip_special_tokens=False)))
    write(HERE / "real.jsonl", rows)


main()
