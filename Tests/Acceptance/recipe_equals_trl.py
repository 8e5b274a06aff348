"""recipe_equals_trl.py --binary .build/release/swift-prefopt RECIPE … [--model DIR] [--data FILE]: published recipes, followed twice.

A recipe is a YAML file that TRL's own scripts read, for instance of huggingface/alignment-handbook (recipes/*/dpo/*.yaml).
`swift-prefopt import-config` makes a run file of it; TRL 1.16's DPOTrainer is given the recipe's own values. Both then take
one epoch of as many real pairs as five steps hold, in the same order, from the same model in float32, with evaluations of
other rows before and after:

    loss, logps, learning rate of each step, loss and accuracy of the evaluations: |a − b| at most 5e-6 of the larger of b
    and 1, and a thousandth of what b has moved since the first step

A recipe's learning rate, 5e-7, hardly moves a loss in five steps, so all is done again at 1000 times that (100 times with
RMSprop, whose first step is ten times its rate).

What has to be put in by hand is what the notes of import-config say: the model, the rows, the output folder; `shuffle:
false`, since the orders of two programs differ; bf16 off, which both have and round differently; and no more of max_length
than the model's context. Rows are taken that fit, since the versions of TRL cut them in different ways (the notes say how).
"""
import argparse
import contextlib
import dataclasses
import gzip
import io
import json
import logging
import math
import pathlib
import tempfile
import warnings

import torch
import yaml
from datasets import Dataset, disable_progress_bars
from torch.utils.data import SequentialSampler
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging
from trl import DPOConfig, DPOTrainer

from binary_runs import read_lines, start, train

STEPS = 5
SHARED = pathlib.Path(__file__).resolve().parents[3] / "shared/data"


class InOrder(DPOTrainer):
    def _get_train_sampler(self, *_):
        return SequentialSampler(self.train_dataset)


def fitting(file, tokenizer, longest):
    """Pairs of text rows that fit whole."""
    with (gzip.open if file.suffix == ".gz" else open)(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = {key: json.loads(line)[key] for key in ("prompt", "chosen", "rejected")}
            if all(len(tokenizer(row["prompt"] + row[side]).input_ids) < longest for side in ("chosen", "rejected")):
                yield row


def arguments(recipe, folder, longest, rate):
    """The recipe's values that TRL's DPOConfig has, for this machine."""
    known = {field.name for field in dataclasses.fields(DPOConfig)}
    own = {key: value for key, value in recipe.items() if key in known and value is not None}
    if "warmup_ratio" in recipe and "warmup_ratio" not in known:
        own["warmup_steps"] = recipe["warmup_ratio"]
    for key in ("hub_model_id", "hub_strategy", "push_to_hub", "report_to", "save_steps", "eval_steps", "padding_free", "run_name",
                "save_total_limit", "hub_private_repo", "log_level"):
        own.pop(key, None)
    # SFT's and DPO's chat templates, kernels of GPUs and checkpointing change no result and aren't wanted here.
    own |= dict(
        output_dir=str(folder), max_length=longest, learning_rate=rate, logging_steps=1, save_strategy="no", eval_strategy="no",
        report_to=[], use_cpu=True, bf16=False, use_liger_kernel=False, gradient_checkpointing=False, disable_tqdm=True,
        remove_unused_columns=False, dataset_num_proc=None)
    return DPOConfig(**own)


def theirs(recipe, rows, held_out, model, tokenizer, folder, longest, rate):
    load = lambda: AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    trainer = InOrder(
        model=load(), ref_model=load(), processing_class=tokenizer, train_dataset=Dataset.from_list(rows),
        eval_dataset=Dataset.from_list(held_out), args=arguments(recipe, folder, longest, rate))
    with contextlib.redirect_stdout(io.StringIO()):
        before = trainer.evaluate()
        trainer.train()
        after = trainer.evaluate()
    steps = [row for row in trainer.state.log_history if "loss" in row]
    return steps, [before, after]


def ours(binary, run, rows, held_out, model, folder, longest, rate):
    for name, content in (("rows", rows), ("held_out", held_out)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in content))
    settings = run | dict(
        model_name_or_path=str(model), train_file=str(folder / "rows.jsonl"), eval_file=str(folder / "held_out.jsonl"),
        output_dir=str(folder / "out"), reference_cache=str(folder / "cache"), shuffle=False, bf16=False, logging_steps=1,
        max_length=longest, learning_rate=rate, threads_per_rank=1)
    log = read_lines(train(binary, folder, settings) / "metrics.jsonl")
    return [row for row in log if "loss" in row], [row for row in log if "eval_loss" in row]


def compare(what, a, b, relative=5e-6, of_movement=1e-3):
    worst = max(abs(x - y) / max(1, abs(y)) for x, y in zip(a, b, strict=True))
    print(f"    {what:22} worst {worst:.1e}   ours " + " ".join(f"{x:.7g}" for x in a))
    for x, y in zip(a, b):
        limit = relative * max(1, abs(y)) + of_movement * abs(y - b[0])
        assert abs(x - y) <= limit, f"{what}: {x} here, {y} by TRL: more than {limit:.1e} apart"


def check(binary, file, model, data):
    recipe = yaml.safe_load(file.read_text())
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    context = AutoConfig.from_pretrained(model).max_position_embeddings
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        start(binary, ["import-config", file, "--output", folder / "imported.yaml"])
        run = yaml.safe_load((folder / "imported.yaml").read_text())
        notes = [line for line in (folder / "imported.yaml").read_text().splitlines() if line.startswith("# -")]
        batch = run.get("per_device_train_batch_size", 8) * run.get("gradient_accumulation_steps", 1)
        rate, longest = float(recipe.get("learning_rate", 1e-6)), min(context, run.get("max_length", 1024))
        count = STEPS * batch
        found = list(fitting(data, tokenizer, longest))
        assert len(found) >= count + 2 * batch, f"{data} has {len(found)} rows that fit, too few"
        rows, held_out = found[:count], found[count:count + 2 * batch]
        if recipe.get("lr_scheduler_type", "linear") != run.get("lr_scheduler_type", "linear"):
            print(f"  TRL is given the schedule {run['lr_scheduler_type']} too, for {recipe['lr_scheduler_type']}, which isn't here")
            recipe |= dict(lr_scheduler_type=run["lr_scheduler_type"], lr_scheduler_kwargs=None)
        epochs = dict(num_train_epochs=1) if "num_train_epochs" in run else {}
        print(f"{file}: {len(notes)} notes, {STEPS} steps of {batch} pairs")
        faster = 100 if recipe.get("optim") == "rmsprop" else 1000
        for factor in (1, faster):
            place = folder / str(factor)
            place.mkdir()
            a, a_held = ours(binary, run | epochs, rows, held_out, model, place, longest, rate * factor)
            b, b_held = theirs(recipe | epochs, rows, held_out, model, tokenizer, place / "trl", longest, rate * factor)
            print(f"  learning rate {rate * factor:g}")
            pick = lambda rows, key: [row[key] for row in rows]
            compare("learning_rate", pick(a, "learning_rate"), pick(b, "learning_rate"), 1e-12, 0)
            compare("loss", pick(a, "loss"), pick(b, "loss"))
            for side in ("chosen", "rejected"):
                compare(f"logps/{side}", pick(a, f"logps/{side}"), pick(b, f"logps/{side}"))
            compare("eval_loss", pick(a_held, "eval_loss"), pick(b_held, "eval_loss"))
            # Before training TRL's ties are won or lost by rounding.
            compare("eval_accuracy, after", [a_held[-1]["eval_rewards/accuracies"]], [b_held[-1]["eval_rewards/accuracies"]],
                    2 / len(held_out) if factor == 1 else 1e-6, 0)
            moved = abs(a[-1]["loss"] - math.log(2))
            assert factor == 1 or moved > 1e-3 or run.get("loss_type", "sigmoid") != "sigmoid", "the loss didn't move"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("recipes", nargs="+", type=pathlib.Path)
    parser.add_argument("--model", type=pathlib.Path, default=SHARED / "models/stories260K")
    parser.add_argument("--data", type=pathlib.Path, default=SHARED / "preferences/qa_feedback_modpo_train.jsonl.gz")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    disable_progress_bars()
    transformers_logging.disable_progress_bar()
    torch.set_num_threads(1)
    for file in given.recipes:
        check(given.binary, file, given.model, given.data)


if __name__ == "__main__":
    main()
