"""make_tokenizer.py PRETRAIN.jsonl.gz OUT: a byte-level BPE learned from the example's own text.

Needs the `tokenizers` package. Ids: 0 <|endoftext|>, 1–256 the bytes, then merges until every word of the language is
one token and nothing is left to merge: 912 ids in all, the vocab_size of config.json.
"""
import gzip
import json
import pathlib
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|endoftext|>"
rows = [json.loads(line) for line in gzip.open(sys.argv[1], "rt")]
out = pathlib.Path(sys.argv[2])

tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
trainer = trainers.BpeTrainer(
    vocab_size=2048, special_tokens=[END], initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    show_progress=False)
tokenizer.train_from_iterator((row["prompt"] + row["chosen"] for row in rows), trainer)
tokenizer.save(str(out / "tokenizer.json"), pretty=False)
(out / "tokenizer_config.json").write_text(json.dumps(
    dict(tokenizer_class="PreTrainedTokenizerFast", eos_token=END, bos_token=None, add_bos_token=False,
         model_max_length=256, clean_up_tokenization_spaces=False), indent=2) + "\n")
print(f"{out / 'tokenizer.json'}: {tokenizer.get_vocab_size()} ids")
