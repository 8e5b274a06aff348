"""final_opens_in_transformers.py DIR DATA [--binary B]: what a run wrote is a model for everybody.

Loads DIR (a `final/` or `checkpoint-<step>/` folder) with AutoModelForCausalLM and, for text rows, AutoTokenizer,
computes the logps of every pair of DATA in float32, and compares them with the binary's `score` (limit 5e-4 nats per
response). --scores F.jsonl compares with a file that `score` wrote earlier instead.
"""
import argparse
import json
import pathlib
import sys
import tempfile

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from binary_runs import read_lines, score
from preference_rows import encode_rows, read_rows

LIMIT = 5e-4


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("model", type=pathlib.Path)
    arguments.add_argument("data", type=pathlib.Path)
    arguments.add_argument("--binary", default=".build/release/swift-prefopt")
    arguments.add_argument("--scores", type=pathlib.Path, help="of exactly the rows of DATA")
    arguments.add_argument("--rows", type=int, default=1 << 30)
    a = arguments.parse_args()
    model = AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32).eval()
    rows = read_rows(a.data)
    kept = encode_rows(rows, a.model, model.config.max_position_embeddings)[: a.rows]
    if (a.model / "tokenizer.json").exists():
        AutoTokenizer.from_pretrained(a.model)  # must open; the ids are compared through the logps
    with tempfile.TemporaryDirectory() as scratch:
        if a.scores:
            places = {id(row): i for i, row in enumerate(rows)}
            by_index = {row["index"]: row for row in read_lines(a.scores)}
            scored = [by_index[places[id(row)]] for row, _ in kept]
        else:
            data = pathlib.Path(scratch) / "rows.jsonl"
            data.write_text("".join(json.dumps(row) + "\n" for row, _ in kept))
            scored = score(a.binary, a.model, data, pathlib.Path(scratch) / "scores.jsonl")
    if len(scored) != len(kept):
        sys.exit(f"score wrote {len(scored)} rows for {len(kept)}")
    worst, dropped = 0.0, 0
    for found, (_, pair) in zip(scored, kept):
        if "dropped" in found:
            dropped += 1
            continue
        for side in ("chosen", "rejected"):
            prompt, scored_ids = pair[side]
            with torch.no_grad():
                logits = model(torch.tensor([list(prompt) + list(scored_ids)])).logits[0, len(prompt) - 1 : -1]
            theirs = logits.log_softmax(-1).gather(1, torch.tensor(list(scored_ids))[:, None]).double().sum().item()
            worst = max(worst, abs(theirs - found[f"policy_{side}_logps"]))
    good = worst <= LIMIT and not dropped
    print(f"{'ok  ' if good else 'FAIL'} {a.model}: {len(kept)} of {len(rows)} pairs, "
          f"worst difference {worst:.1e} nats, {dropped} dropped by score but not here")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
