"""Makes Fixtures/patterns.jsonl with the `tokenizers` library (0.23.3): what patterns find in our own strings.

    python make_pattern_goldens.py

A line is {"pattern", "cases": [[text, [start, end, …]], …]}, in bytes of UTF-8; matches of nothing are left out.
"""
import json
import random
from pathlib import Path

from tokenizers import Regex, pre_tokenizers

PATTERNS = [
    # DeepSeek-V3, Kimi-K2, Qwen 2 in a group of its own, GPT-4o
    r"\p{N}{1,3}",
    "[一-龥぀-ゟ゠-ヿ]+",
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""",
    r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"(?:(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
    # every kind of class, with what Unicode 15 and 16 added
    r"\w+", r"\W", r"[\w]", r"(?i)\p{Lu}+|[\p{Nd}_]", r"\p{Word}+", r"[\p{Word}.]", r"\d+", r"[\D]", r"\s+", r"[\w.]+x?", r"\bx|\b\w", r"\B\w", r"[[:punct:]]+", r"[^[:digit:]]", r"[[:word:]]+", r"\p{^L}", r"\P{M}+",
    r"\p{Lu}\p{Ll}*", r"\p{Other_Letter}+", r"\p{Symbol}", r"\p{Cn}|\p{Mn}", r"[\p{Hiragana}\p{Katakana}]+", r"\p{Cyrillic}+|\p{Latin}+", r"\p{Hangul}+|\p{Thai}+",
    r"\p{Devanagari}|\p{Arabic}+", r"\h+", r"\p{LC}+",
    # what a backtracking engine has besides
    r"(\S)\1", r"(?<=ab|c)d|(?<!\d\d)7", r"(?i)straße|ﬁ|ſ", r"(?i:[k-s])+", r"a{2,3}?|b{,2}c", r"(?>a+)b|a", r"x*", r"(?=[A-Z])|\n", r"^.|.$", r"\A\s|\s\z",
    r"(?m:a.)", r"\x41|é|[\x{4e00}-\x{4eff}]", r"(?<q>['\"]).*?\k<q>", r"[a-z&&[^aeiou]]+", r"(?x: a b? # c" + "\n )",
]  # fmt: skip

PARTS = [
    " ", "  ", "\n", "\r\n", "\t", "a", "aa", "ab", "abd", "cd", "B", "Word", "'s", "'S", "x", "7", "77", "123", "½", "٣", "e\u0301", "é", "ß", "STRASSE",
    "straße", "ﬁ", "ſ", "K", "日本語", "今日は", "テスト", "한국어", "ไทย", "नमस्ते", "مرحبا", "Привет", "😀", "_", "-", "$", "+", "…", "“q”", '"q"', "\u00a0", "\u200b", "\u0378", "",
    # Unicode 15 to 17
    "\U0001e030", "\U00010d40", "\U0001ccf0", "\U0002ebf0", "\U000323af", "\ua7cb", "\u1c89", "\U000105c0", "\U0001b132", "\U00011b00", "\U00010ec2", "\U0001fae8", "\U00010d50", "\U0001171e", "\ua7cf", "\u0295",
]  # fmt: skip


def main():
    chance = random.Random(16)
    lines = []
    for pattern in PATTERNS:
        split = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
        cases = []
        for _ in range(24):
            text = "".join(chance.choice(PARTS) for _ in range(chance.randrange(1, 12)))
            places = [0]
            for scalar in text:
                places.append(places[-1] + len(scalar.encode()))
            cases.append([text, [places[end] for _, ends in split.pre_tokenize_str(text) for end in ends]])
        assert any(matches for _, matches in cases), pattern
        lines.append(json.dumps({"pattern": pattern, "cases": cases}, separators=(",", ":")) + "\n")
    (Path(__file__).parent / "Fixtures/patterns.jsonl").write_text("".join(lines))


main()
