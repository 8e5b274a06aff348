"""Makes the tokenizers and the golden rows of the row tests. Needs `tokenizers` from PyPI.

    python make_row_goldens.py

Writes, beside itself:
  row-tokenizer/          byte-level BPE that puts <s> in front
  row-tokenizer-plain/    the same pieces without <s>
  row-tokenizer-ended/    the same pieces with <s> in front and </s> at the end
  row-goldens.jsonl       rows with the ids that each of their responses must get, by the offsets of `tokenizers`
"""

import json
import pathlib

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent

# Written for this file; the words of the test rows are in it, so that they become few tokens.
CORPUS = [
    "\n\nHuman: How many legs has a spider?\n\nAssistant: A spider has eight legs.",
    "\n\nHuman: What is the colour of the sky?\n\nAssistant: The sky is blue, and black at night.",
    "\n\nHuman: Name a fruit.\n\nAssistant: An apple is a fruit. So is a pear.",
    "Question: what is two and two? Answer: four, as everyone can count.",
    "Question: what is the largest sea animal? Answer: the blue whale is the largest animal.",
    "The café is open; the naïve waiter brings tea. Ça va? Größe, straße, être.",
] * 4


def train():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(text, special=True, normalized=False) for text in ("<s>", "</s>")]
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def save(tokenizer, name, single):
    if single is None:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    else:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=single, special_tokens=[("<s>", 0), ("</s>", 1)])
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    config = {"bos_token": "<s>", "eos_token": "</s>", "tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


ROWS = [
    {"prompt": "What is two and two?", "chosen": " four", "rejected": " as everyone can count"},
    {"prompt": "What is the colour of the sky? ", "chosen": "blue", "rejected": "black at night"},
    {"prompt": "Name a fr", "chosen": "uit.", "rejected": "esh pear."},
    {"prompt": "The caf", "chosen": "é is open", "rejected": "\u00e9! \U0001f600 tea"},
    {"prompt": "\U0001f433 is the", "chosen": " blue whale", "rejected": "\n\nwaiter\n"},
    {"prompt": "Answer:", "chosen": " four</s>", "rejected": " <s>"},
    {"prompt": "<s>Answer:", "chosen": " tea", "rejected": " legs"},
    {"chosen": "\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: Name a fruit.\n\nAssistant: An apple",
     "rejected": "\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: Name a fruit.\n\nAssistant:pear"},
    {"prompt": "the large", "responses": ["st animal", " sea", "st whale", "ly blue"],
     "pairs": [[0, 1], [2, 1], [3, 0]]},
]


def tokens(tokenizer, prompt, response):
    """(prompt ids, response ids, straddles): cut at the character offset where the response starts."""
    encoding = tokenizer.encode(prompt + response)
    ids, offsets = encoding.ids, encoding.offsets
    if ids[:2] == [0, 0] and offsets[0] == (0, 0):
        ids, offsets = ids[1:], offsets[1:]
    if ids[-2:] == [1, 1] and offsets[-1] == (0, 0):
        ids, offsets = ids[:-1], offsets[:-1]
    first = next(place for place, (_, end) in enumerate(offsets) if end > len(prompt))
    response_ids = ids[first:]
    if response_ids[-1] != 1:
        response_ids = response_ids + [1]
    return ids[:first], response_ids, offsets[first][0] < len(prompt)


def golden(tokenizer, row):
    if "responses" in row:
        prompt, responses = row["prompt"], row["responses"]
    elif "prompt" in row:
        prompt, responses = row["prompt"], [row["chosen"], row["rejected"]]
    else:
        cut = row["chosen"].rindex("\n\nAssistant:") + len("\n\nAssistant:")
        prompt, responses = row["chosen"][:cut], [row["chosen"][cut:], row["rejected"][cut:]]
    cuts = [tokens(tokenizer, prompt, response) for response in responses]
    return [{"prompt": p, "response": r, "straddles": s} for p, r, s in cuts]


def main():
    trained = train()
    tokenizers = {
        "row-tokenizer": save(trained, "row-tokenizer", "<s> $A"),
        "row-tokenizer-plain": save(trained, "row-tokenizer-plain", None),
        "row-tokenizer-ended": save(trained, "row-tokenizer-ended", "<s> $A </s>"),
    }
    with open(HERE / "row-goldens.jsonl", "w") as file:
        for row in ROWS:
            expected = {name: golden(tokenizer, row) for name, tokenizer in tokenizers.items()}
            file.write(json.dumps({"row": row, "expected": expected}) + "\n")


if __name__ == "__main__":
    main()
