"""compare_adapters.py BINARY [--shapes NAME …] [--kinds NAME …] [--ranks N …] [--set KEY=VALUE …]: LoRA against PEFT.

For every shape of Tests/Goldens' family_shapes.py and every kind of adapter: PEFT makes an adapter with random values on
a tiny checkpoint, the binary goes on from it for one DPO step with debug_dump, scores rows with it and saves it; then
PEFT in float64 computes all that again, and opens what was saved. Prints the worst differences of each case:

    logps      |a − b| of every response's logps, with the adapter and (reference) without      limit 2e-4 nats
    gradient   max |a − b| / max |b|, the worst tensor                                          limit 2e-4
    saved      |a − b| of logps of the folder that the run left, opened by PEFT                 limit 2e-4 nats

Exit status 1 when anything is over its limit. Needs torch, transformers, peft, safetensors and PyYAML.
"""
import argparse
import json
import pathlib
import random
import sys
import tempfile
import warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D
from transformers.utils import logging

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Goldens"))

from binary_runs import dumped_steps, score, train  # noqa: E402
from family_shapes import SHAPES, VOCABULARY, build  # noqa: E402

logging.disable_progress_bar()
warnings.simplefilter("ignore", FutureWarning)
LIMIT = 2e-4
BETA = 0.1
# Longer than some of the shapes were made for.
MAX_LENGTH = 512
KINDS = {
    "all-linear": dict(target_modules="all-linear", r=3, lora_alpha=6),
    "rslora": dict(target_modules="all-linear", r=4, lora_alpha=2, use_rslora=True),
    "some": dict(r=2, lora_alpha=5),
    "saved": dict(target_modules="all-linear", r=3, lora_alpha=6),
    "dora": dict(target_modules="all-linear", r=3, lora_alpha=6, use_dora=True),
}


def rows_of_ids(path, count=6):
    draw = random.Random(4)
    rows = []
    for _ in range(count):
        ids = lambda most: [draw.randrange(VOCABULARY) for _ in range(draw.randint(1, most))]
        rows.append(dict(prompt_ids=ids(9), chosen_ids=ids(8), rejected_ids=ids(8)))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return rows


def logps(model, prompt, response):
    ids = torch.tensor([prompt + response])
    if getattr(model.config, "rope_parameters", None):
        # Dynamic frequencies stay those of the longest sequence until a short one comes.
        with torch.no_grad():
            model(ids[:, :1], use_cache=False)
    logits = model(ids, use_cache=False).logits[0, len(prompt) - 1 : -1]
    return logits.log_softmax(-1).gather(1, torch.tensor(response)[:, None])[:, 0]


def plain_name(name):
    """A parameter's name as save_pretrained writes it."""
    return name.replace(".default", "").replace(".modules_to_save", "").replace("vector.weight", "vector")


def settings_of(kind, model):
    settings = dict(KINDS[kind])
    linear = [n for n, m in model.named_modules() if isinstance(m, (torch.nn.Linear, Conv1D)) and ".layers." in n + "."
              or isinstance(m, Conv1D)]
    if kind == "some":
        # The first linear module of each layer, whatever it is called.
        settings["target_modules"] = [linear[0].split(".")[-1]]
    if kind == "saved":
        head = model.get_output_embeddings()
        names = [n for n, m in model.named_modules() if m is head]
        norms = [n.split(".")[-1] for n, m in model.named_modules() if "norm" in type(m).__name__.lower()]
        # transformers renames the head of this family when it reads the file.
        tied = model.config.tie_word_embeddings or model.config.model_type == "gpt_neox"
        settings["modules_to_save"] = sorted({norms[-1], *([] if tied else [names[0].split(".")[-1]])})
    if any(isinstance(m, Conv1D) for m in model.modules()):
        settings["fan_in_fan_out"] = True
    return settings


def make_adapter(base, kind, folder):
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    config = LoraConfig(task_type="CAUSAL_LM", init_lora_weights=False, **settings_of(kind, model))
    torch.manual_seed(7)
    model = get_peft_model(model, config)
    for name, value in model.named_parameters():
        if value.requires_grad:
            noise = torch.randn_like(value)
            value.data = value.data * (1 + 0.1 * noise) if value.dim() == 1 else value.data + 0.05 * noise
    model.save_pretrained(folder)


def compare(binary, shape, kind, folder, ranks, extra):
    base, adapter, out = folder / "base", folder / "adapter", folder / "out"
    build(shape, base, seed=3)
    make_adapter(base, kind, adapter)
    rows = rows_of_ids(folder / "rows.jsonl")
    settings = dict(
        model_name_or_path=str(base), adapter_name_or_path=str(adapter),
        ref_model_name_or_path=str(base), train_file=str(folder / "rows.jsonl"),
        output_dir=str(out), loss_type="sigmoid", beta=BETA, global_batch_size=len(rows), max_steps=1,
        learning_rate=0.0, max_length=MAX_LENGTH, reference_cache=str(folder / "cache"), debug_dump=str(folder / "dump"), **extra)
    train(binary, folder, settings, ranks)
    _, gradients, pairs = dumped_steps(folder / "dump")[0]
    scored = score(
        binary, base, folder / "rows.jsonl", folder / "scored.jsonl", adapter=adapter, max_length=MAX_LENGTH)

    def open_peft(path, **how):
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            model = PeftModel.from_pretrained(model, path, **how)
        return model.double().eval()

    model = open_peft(adapter, is_trainable=True)
    worst = dict(logps=0.0, gradient=0.0, saved=0.0)
    total = 0.0
    for row, pair, scores in zip(rows, sorted(pairs, key=lambda p: p["index"]), scored):
        sums = {}
        for side in ("chosen", "rejected"):
            sums[side] = logps(model, row["prompt_ids"], row[side + "_ids"]).sum()
            with torch.no_grad(), model.disable_adapter():
                sums["reference_" + side] = logps(model, row["prompt_ids"], row[side + "_ids"]).sum()
            for key, ours in (("policy_", pair), ("policy_", scores), ("reference_", pair)):
                theirs = sums[side if key == "policy_" else "reference_" + side].item()
                worst["logps"] = max(worst["logps"], abs(ours[f"{key}{side}_logps"] - theirs))
        ratio = sums["chosen"] - sums["rejected"] - sums["reference_chosen"] + sums["reference_rejected"]
        total = total - torch.nn.functional.logsigmoid(BETA * ratio) / len(rows)
    total.backward()
    expected = {plain_name(n): p.grad for n, p in model.named_parameters() if p.requires_grad}
    if set(expected) != set(gradients):
        sys.exit(f"{shape} {kind}: names differ: {sorted(set(expected) ^ set(gradients))[:6]}")
    largest = max(g.abs().max().item() for g in expected.values())
    for name, g in expected.items():
        size = max(g.abs().max().item(), 1e-6 * largest)
        worst["gradient"] = max(worst["gradient"], (gradients[name].double() - g).abs().max().item() / size)
    saved = open_peft(out / "final")
    with torch.no_grad():
        for row in rows:
            for side in ("chosen", "rejected"):
                a = logps(model, row["prompt_ids"], row[side + "_ids"])
                b = logps(saved, row["prompt_ids"], row[side + "_ids"])
                worst["saved"] = max(worst["saved"], (a - b).abs().max().item())
    return worst


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES))
    parser.add_argument("--kinds", nargs="+", default=list(KINDS))
    parser.add_argument("--ranks", nargs="+", type=int, default=[1])
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    extra = {key: json.loads(value) for key, value in (item.split("=", 1) for item in options.set)}
    failed = False
    for shape in options.shapes:
        for kind in options.kinds:
            for ranks in options.ranks:
                with tempfile.TemporaryDirectory() as folder:
                    worst = compare(options.binary, shape, kind, pathlib.Path(folder), ranks, extra)
                bad = any(not value <= LIMIT for value in worst.values())
                failed |= bad
                figures = "  ".join(f"{name} {value:.1e}" for name, value in worst.items())
                print(f"{shape:20} {kind:10} {ranks} rank{'s' if ranks > 1 else ' '}  {figures}{'  OVER' if bad else ''}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
