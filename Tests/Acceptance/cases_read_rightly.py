"""cases_read_rightly.py --binary .build/release/swift-prefopt [--shared ../shared]: inputs that once failed, one by one.

Every file of `shared/cases` goes through `inspect` with a real tokenizer and its chat template. What is asked of each: the
number of pairs, the text that the prompt ends in and the texts that are scored, or the words of the refusal. The recipe of
another trainer must be told all of its keys at once.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

from binary_runs import start

END = "<|im_end|>\n"
ASK = "<|im_start|>assistant\n<think>\n\n</think>\n\n"

# file: keys, and for its first pair (the prompt's end, chosen, rejected), the number of pairs, words of the summary
CASES = {
    "arena33k.jsonl": ({}, ("Name a bird" + END + ASK, "A robin" + END, "A stone" + END), None, "arena"),
    "diatool.jsonl": ({}, ("Weather in Rome?" + END + ASK, None, None), 1, "written as text"),
    "lf_output_list.jsonl": ({}, ("Name a bird", "A robin", "A stone"), 1, "two outputs"),
    "m1.jsonl": ({}, ("Is the sky blue?" + END + ASK, "The answer is yes." + END, "The answer is no." + END), 1, "messages"),
    "m5.jsonl": ({}, ("\n\nAssistant:", " Hello", " Go"), 1, "repeated the prompt"),
    "nectar.jsonl": ({}, ("\n\nAssistant:", "A robin", None), 3, ""),
    "none.jsonl": ({}, ("Name a bird", "A robin", "A stone"), 1, "dropped 2"),
    "openai_tool.jsonl": (
        {}, ("Weather in Rome?" + END + ASK, '"arguments": {"city": "Rome"}}', "I can not." + END), 1, "JSON text"),
    "orca2.jsonl": (
        {}, ("Is the sky blue in the daytime?" + END + ASK, "The answer is yes: air scatters blue light." + END, None), 2,
        "question"),
    "prefill.jsonl": ({}, (ASK + "The answer is", " 4" + END, " 5" + END), 1, "goes on with it"),
    "swift_rej.jsonl": ({}, ("Name a bird" + END + ASK, "A robin" + END, "A stone" + END), 1, "rejected response"),
    "tools.parquet": ({}, (ASK, None, None), None, "nulls"),
    "truthy.jsonl": ({}, ("Can pigs fly?" + END + ASK, "No, they cannot." + END, None), 2, "system"),
    "uf_index.csv": ({}, ("What is rain?" + END + ASK, "Water." + END, "Sand." + END), 2, "written as text"),
    "uf_pandas.csv": ({}, ("What is rain?" + END + ASK, "Water." + END, "Sand." + END), 2, "written as text"),
    "uf_raw.jsonl": ({}, ("Name a bird", "A robin", "A stone"), 1, ""),
    "webgpt.jsonl": ({}, ("Why rain?", "Clouds", "Sand"), 1, ""),
    "kto.jsonl": (dict(loss_type="kto"), ("Name a bird", "A robin", None), 2, "labelled"),
}
# What no scored text may hold.
WRONG = ["null", "None", '\\"city', "{'content'"]


def model(folder, shared):
    shape = dict(
        model_type="llama", hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, vocab_size=6400, max_position_embeddings=2048, rms_norm_eps=1e-5, hidden_act="silu",
        tie_word_embeddings=True, bos_token_id=1, eos_token_id=2)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(shape))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(shared / "data/tokenizers/minimind" / name, folder)
    return folder


def text(parts):
    """The text of `inspect`'s [id, piece] list, whose controls are escaped."""
    return "".join(piece for _, piece in parts).replace("\\n", "\n")


def faults(report, expected):
    keys, (prompt, *sides), pairs, words = expected
    first = report["train"]["first_pairs"][0]
    found = []
    names = [name for name in first if name not in ("line", "prompt")]
    before = text(first["prompt"]) + text(first[names[0]]["unscored"])
    if not before.endswith(prompt):
        found.append(f"the prompt ends in {before[-60:]!r}, not in {prompt!r}")
    for name, wanted in zip(names, sides):
        scored = text(first[name]["scored"]).removesuffix("<|endoftext|>")
        if wanted is not None and scored.removesuffix(END) != wanted.removesuffix(END) and wanted not in scored:
            found.append(f"{name} is {scored!r}, not {wanted!r}")
        found += [f"{name} holds {wrong!r}: {scored!r}" for wrong in WRONG if wrong in scored]
    if pairs is not None and report["train"]["pairs"] != pairs:
        found.append(f"{report['train']['pairs']} pairs, not {pairs}")
    if words not in json.dumps(report["mapping"], ensure_ascii=False).replace("\\\"", '"').lower() and words not in str(report["mapping"]):
        found.append(f"the summary says nothing of {words!r}: {report['mapping']}")
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--shared", default=str(pathlib.Path(__file__).resolve().parents[3] / "shared"))
    given = parser.parse_args()
    shared = pathlib.Path(given.shared)
    failed = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        policy = model(folder / "model", shared)
        for case, expected in CASES.items():
            run = folder / "run.json"
            run.write_text(json.dumps(dict(
                model_name_or_path=str(policy), train_file=str(shared / "cases" / case), max_length=1024) | expected[0]))
            try:
                report = json.loads(start(given.binary, ["inspect", run, "--json"]))
                found = faults(report, expected)
            except Exception as error:
                found = [str(error)[-400:]]
            print(f"{case:22} {'right' if not found else 'WRONG: ' + '; '.join(found)}", flush=True)
            failed += [case] if found else []
        empty = folder / "empty.jsonl"
        empty.write_text("")
        binary = str(pathlib.Path(given.binary).resolve())
        done = subprocess.run(
            [binary, "score", "--model", str(shared / "data/models/stories260K"), "--data", str(empty), "--output",
             str(folder / "scores.jsonl")], capture_output=True, text=True)
        recipe = subprocess.run(
            [binary, "train", str(shared / "cases/trl_recipe.yaml")], capture_output=True, text=True, cwd=folder)
        for case, run, words in (
            ("an empty data file", done, ["no rows"]),
            ("trl_recipe.yaml", recipe, []),
        ):
            found = [f"it doesn't say {word!r}" for word in words if word not in run.stderr]
            found += [f"exit status {run.returncode}, not 2"] if run.returncode != 2 else []
            print(f"{case:22} {'right' if not found else 'WRONG: ' + '; '.join(found)}: {run.stderr.strip()[:300]}")
            failed += [case] if found else []
    sys.exit(f"wrong: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
