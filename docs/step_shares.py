"""step_shares.py MODEL_DIR DATA [--rows N]: where the operations of a DPO step on text rows go, for docs/performance.md.

Counts tokens and multiply-adds as BenchJob.necessaryFLOPs does, for a Llama-shaped config.json, and beside them the tokens
and logits of a trainer that repeats the prompt for each response and pads a pair to its longer one. Needs transformers.
"""
import argparse
import gzip
import json
import pathlib

from transformers import AutoTokenizer

arguments = argparse.ArgumentParser()
arguments.add_argument("model")
arguments.add_argument("data")
arguments.add_argument("--rows", type=int, default=20)
options = arguments.parse_args()

config = json.loads((pathlib.Path(options.model) / "config.json").read_text())
tokenizer = AutoTokenizer.from_pretrained(options.model)
layers, width, hidden = config["num_hidden_layers"], config["hidden_size"], config["intermediate_size"]
head = config.get("head_dim") or width // config["num_attention_heads"]
query, key = head * config["num_attention_heads"], head * config["num_key_value_heads"]

rows = scored = repeated = attended = spared = pairs = 0
with (gzip.open if options.data.endswith(".gz") else open)(options.data, "rt") as file:
    for line in list(file)[: options.rows]:
        row = json.loads(line)
        prompt = len(tokenizer(row["prompt"])["input_ids"])
        responses = [len(tokenizer(row[name])["input_ids"]) + 1 for name in ("chosen", "rejected")]
        pairs += 1
        rows += prompt + sum(length - 1 for length in responses)
        scored += sum(responses)
        repeated += 2 * (prompt + max(responses))
        attended += prompt * (prompt + 1) / 2
        attended += sum((length - 1) * prompt + (length - 1) * length / 2 for length in responses)
        spared += prompt - 1

block = 2 * width * query + 2 * width * key + 3 * width * hidden
last = 2 * width * query + 3 * width * hidden
parts = {
    "blocks": layers * block * rows - last * spared,
    "vocabulary": width * config["vocab_size"] * scored,
    "attention": 2 * query * layers * attended,
}
total = sum(parts.values())
for name, products in parts.items():
    print(f"{name:12} {100 * products / total:5.1f} %")
print(f"a pair: {rows / pairs:.0f} rows, {scored / pairs:.0f} scored, {6 * total / pairs / 1e9:.0f} GFLOP")
print(f"prompt repeated and padded: {repeated / rows:.2f} times the tokens, {repeated / scored:.2f} times the logits")
print(f"last block's spared rows: {100 * last * spared / (layers * block * rows):.1f} % of the block products")
