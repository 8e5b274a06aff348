"""model_card_is_valid.py [--binary B]: final/README.md is a model card by the hub's own rules, for each kind of run.

Trains the embedded example for a few steps: a whole model, adapters, a reward model, SFT and a model from the hub's cache. Each
card is read by huggingface_hub (ModelCard.load), written again by it, and read once more with the same data. Then what the
hub's specification of a card's head asks (hub-docs, modelcard.md), as far as it can be known without a network: names and types
of the fields, ids that may be a repository's, tasks and libraries that transformers and PEFT know, numbers that are those of
metrics.jsonl. ModelCard.validate() asks the hub itself; with --hub it is asked too. At last the code under "How to load it" is
run as it stands.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml
from huggingface_hub import ModelCard
from huggingface_hub.repocard import REGEX_YAML_BLOCK
from huggingface_hub.utils import validate_repo_id
from transformers.pipelines import PIPELINE_REGISTRY

from binary_runs import read_lines, start, train

# What a head may hold: the fields of ModelCardData, and those that it passes on.
FIELDS = {"library_name", "pipeline_tag", "base_model", "tags", "model-index", "language", "license", "datasets", "metrics"}
LIBRARIES = {"transformers", "peft"}
# Required by modelcard.md.
RESULT = {"task": {"type"}, "dataset": {"type", "name"}}


def fail(name, message):
    sys.exit(f"FAIL {name}: {message}")


def check_head(name, text):
    """The head as YAML, each key once, each value of its type."""
    if not text.startswith("---\n"):
        fail(name, "a card begins with its head")
    block = REGEX_YAML_BLOCK.search(text)
    keys = [line.split(":")[0] for line in block.group(2).splitlines() if re.match(r"[a-z-]+[_a-z]*:", line)]
    if len(keys) != len(set(keys)):
        fail(name, f"a key twice: {keys}")
    head = yaml.safe_load(block.group(2))
    if unknown := set(head) - FIELDS:
        fail(name, f"fields that the hub doesn't know: {unknown}")
    if head["library_name"] not in LIBRARIES:
        fail(name, f"library_name {head['library_name']}")
    if head["pipeline_tag"] not in PIPELINE_REGISTRY.get_supported_tasks():
        fail(name, f"pipeline_tag {head['pipeline_tag']}")
    tags = head["tags"]
    if not tags or not all(isinstance(tag, str) and tag for tag in tags) or len(tags) != len(set(tags)):
        fail(name, f"tags {tags}")
    if "base_model" in head:
        validate_repo_id(head["base_model"])
    for index in head.get("model-index", []):
        if not index["name"] or not index["results"]:
            fail(name, f"model-index {index}")
        for result in index["results"]:
            for part, fields in RESULT.items():
                if not all(isinstance(result[part].get(field), str) and result[part][field] for field in fields):
                    fail(name, f"{part} of a result: {result[part]}")
            for metric in result["metrics"]:
                if not isinstance(metric["type"], str) or not isinstance(metric["value"], float):
                    fail(name, f"metric {metric}")
    return head


def check_card(name, output, hub):
    path = output / "final" / "README.md"
    head = check_head(name, path.read_text())
    card = ModelCard.load(path)
    again = ModelCard(str(card))
    if again.data.to_dict() != card.data.to_dict() or again.text != card.text:
        fail(name, "another card when it is written again")
    if hub:
        card.validate()
    last = [row for row in read_lines(output / "metrics.jsonl") if "eval_loss" in row][-1]
    found = {result.metric_type: result.metric_value for result in card.data.eval_results}
    expected = {"loss": last["eval_loss"], "accuracy": last.get("eval_rewards/accuracies"),
                "perplexity": last.get("eval_perplexity")}
    expected = {key: value for key, value in expected.items() if value is not None}
    if found.keys() != expected.keys() or any(abs(found[key] - expected[key]) > 1e-6 for key in expected):
        fail(name, f"results {found}, metrics.jsonl has {expected}")
    code = re.search(r"## How to load it\n\n```python\n(.*?)```", card.text, re.S).group(1)
    done = subprocess.run([sys.executable, "-c", code], cwd=output / "final", capture_output=True, text=True)
    if done.returncode:
        fail(name, f"its code doesn't run:\n{code}\n{done.stderr[-2000:]}")
    print(f"ok   {name}: {head['library_name']}, {head['pipeline_tag']}, {head.get('base_model', 'no base_model')}, "
          + ", ".join(f"{key} {value:.4f}" for key, value in found.items()))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--binary", default=".build/release/swift-prefopt")
    arguments.add_argument("--hub", action="store_true", help="ask the hub too: needs a network")
    a = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        example = scratch / "example"
        start(a.binary, ["example", example])
        cached = scratch / "hub" / "models--an-owner--a.model" / "snapshots" / "0"
        cached.parent.mkdir(parents=True)
        cached.symlink_to(example / "model")
        common = {
            "model_name_or_path": str(example / "model"), "train_file": str(example / "train.jsonl.gz"),
            "eval_file": str(example / "test.jsonl.gz"), "max_steps": 2, "global_batch_size": 8, "max_length": 128,
            "report": False,
        }
        kinds = {
            "whole": {}, "simpo": {"loss_type": "simpo"}, "several": {"loss_type": ["sigmoid", "sft"]},
            "adapters": {"use_peft": True, "lora_r": 4}, "reward": {"loss_type": "reward"}, "sft": {"loss_type": "sft"},
            "from the hub": {"model_name_or_path": str(cached)},
        }
        for name, settings in kinds.items():
            output = train(a.binary, scratch, common | settings | {"output_dir": str(scratch / "runs" / name)})
            check_card(name, output, a.hub)


if __name__ == "__main__":
    main()
