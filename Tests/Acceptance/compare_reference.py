"""compare_reference.py BINARY [--kinds NAME …] [--steps N] [--ranks N …]: DPO that goes on from an adapter, beside TRL.

PEFT makes an adapter with random values (as one trained by SFT would be) on a tiny checkpoint; TRL's DPOTrainer and the
binary go on from it for some steps of AdamW on the same rows in the same order. The reference of both is the initial
policy, adapter included, so the first loss is ln 2. The binary is given the adapter twice: as `adapter_name_or_path`
beside its base, and as `model_name_or_path`. Prints for each kind, way and number of ranks

    ln 2       |first loss − ln 2|                                                  limit 1e-5
    losses     the worst |a − b| over the steps                                     limit 2e-5
    weights    max |a − b| of the adapter after the last step over what it moved    limit 2e-2
    resumed    |a − b| of the last loss of a run that was resumed halfway           limit 0

Exit status 1 when anything is over its limit. Needs torch, transformers, peft, trl (1.16 or so), datasets, PyYAML.
"""
import argparse
import json
import math
import os
import pathlib
import random
import shutil
import sys
import tempfile
import warnings

os.environ.update(HF_HUB_OFFLINE="1", TQDM_DISABLE="1", TOKENIZERS_PARALLELISM="false")

import torch
from datasets import Dataset, disable_progress_bars
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, PrinterCallback
from transformers.utils import logging
from trl import DPOConfig, DPOTrainer

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Goldens"))

from binary_runs import read_lines, train  # noqa: E402
from family_shapes import VOCABULARY, build  # noqa: E402

logging.disable_progress_bar()
logging.set_verbosity_error()
disable_progress_bars()
warnings.simplefilter("ignore")

LIMITS = {"ln 2": 1e-5, "losses": 2e-5, "weights": 2e-2, "resumed": 0.0}
BETA, RATE, BATCH = 0.5, 1e-3, 4
LORA = dict(target_modules="all-linear", r=3, lora_alpha=6, lora_dropout=0.05)
KINDS = {
    "lora": LORA,
    "rslora": dict(LORA, use_rslora=True),
    "dora": dict(LORA, use_dora=True),
    "saved": dict(LORA, modules_to_save=["lm_head"]),
}


def words(ids):
    return " ".join(f"t{i:02d}" for i in ids)


def make_rows(count):
    draw = random.Random(5)

    def ids(most):
        return [draw.randrange(2, VOCABULARY) for _ in range(draw.randint(1, most))]

    return [dict(prompt=ids(9), chosen=ids(8), rejected=ids(8)) for _ in range(count)]


def tokenizer():
    tokens = Tokenizer(models.WordLevel({f"t{i:02d}": i for i in range(VOCABULARY)}, unk_token="t01"))
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokens, eos_token="t00", pad_token="t01")


def make_adapter(base, kind, folder):
    torch.manual_seed(7)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", init_lora_weights=False, **KINDS[kind]))
    for parameter in model.parameters():
        if parameter.requires_grad:
            noise = torch.randn_like(parameter)
            parameter.data = parameter.data * (1 + 0.1 * noise) if parameter.dim() == 1 else parameter.data + 0.05 * noise
    model.save_pretrained(folder)


def train_in_trl(base, adapter, rows, steps, out):
    """The losses, and the trained adapter's folder."""
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, adapter, is_trainable=True)
    arguments = DPOConfig(
        output_dir=str(out), beta=BETA, loss_type=["sigmoid"], per_device_train_batch_size=BATCH, max_steps=steps,
        learning_rate=RATE, lr_scheduler_type="constant", max_grad_norm=1.0, weight_decay=0.0, logging_steps=1,
        logging_nan_inf_filter=False, save_strategy="no", report_to=[], use_cpu=True, bf16=False, disable_tqdm=True,
        gradient_checkpointing=False, train_sampling_strategy="sequential", dataloader_pin_memory=False)
    texts = [{side: (" " if side != "prompt" else "") + words(ids) for side, ids in row.items()} for row in rows]
    trainer = DPOTrainer(model=model, args=arguments, train_dataset=Dataset.from_list(texts), processing_class=tokenizer())
    trainer.remove_callback(PrinterCallback)
    # The log rounds to four digits.
    losses = []
    compute = trainer.compute_loss

    def computing(*arguments, **named):
        loss = compute(*arguments, **named)
        losses.append((loss[0] if isinstance(loss, tuple) else loss).item())
        return loss

    trainer.compute_loss = computing
    trainer.train()
    trainer.model.save_pretrained(out / "adapter", selected_adapters=["default"])
    return losses, out / "adapter"


def compare(binary, kind, ranks, steps, folder):
    base, adapter = folder / "base", folder / "adapter"
    build("llama", base, seed=3)
    make_adapter(base, kind, adapter)
    rows = make_rows(BATCH * steps)
    with open(folder / "rows.jsonl", "w") as file:
        for row in rows:
            ids = {f"{side}_ids": ids + ([0] if side != "prompt" else []) for side, ids in row.items()}
            file.write(json.dumps(ids) + "\n")
    expected, theirs = train_in_trl(base, adapter, rows, steps, folder / "trl")
    before, after = load_file(str(adapter / "adapter_model.safetensors")), load_file(str(theirs / "adapter_model.safetensors"))
    ways = {
        "adapter": dict(model_name_or_path=str(base), adapter_name_or_path=str(adapter)),
        "model": dict(model_name_or_path=str(adapter)),
    }
    for way, models_ in ways.items():
        out = folder / f"out-{way}"
        settings = dict(
            models_, train_file=str(folder / "rows.jsonl"), output_dir=str(out), loss_type="sigmoid", beta=BETA,
            global_batch_size=BATCH, max_steps=steps, learning_rate=RATE, lr_scheduler_type="constant", shuffle=False,
            max_grad_norm=1.0, weight_decay=0.0, logging_steps=1, save_steps=(steps + 1) // 2, append_eos=False,
            reference_cache=str(folder / "cache"))

        def losses():
            train(binary, folder, settings, ranks)
            return [row["loss"] for row in read_lines(out / "metrics.jsonl") if "loss" in row]

        found = losses()
        ours = load_file(str(out / "final" / "adapter_model.safetensors"))
        moved = max((after[name] - before[name]).abs().max().item() for name in before)
        worst = max((ours[name] - after[name]).abs().max().item() for name in before)
        for name in ("final", f"checkpoint-{steps}"):
            shutil.rmtree(out / name)
        shutil.rmtree(folder / "cache")
        resumed = losses()
        yield way, {
            "ln 2": abs(found[0] - math.log(2)), "losses": max(abs(a - b) for a, b in zip(found, expected, strict=True)),
            "weights": worst / moved, "resumed": abs(resumed[-1] - found[-1])}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS))
    parser.add_argument("--ranks", nargs="+", type=int, default=[1])
    parser.add_argument("--steps", type=int, default=5)
    options = parser.parse_args()
    failed = False
    for kind in options.kinds:
        for ranks in options.ranks:
            with tempfile.TemporaryDirectory() as folder:
                for way, worst in compare(options.binary, kind, ranks, options.steps, pathlib.Path(folder)):
                    bad = any(not worst[name] <= limit for name, limit in LIMITS.items())
                    failed |= bad
                    figures = "  ".join(f"{name} {value:.1e}" for name, value in worst.items())
                    print(f"{kind:8} as {way:8} {ranks} rank{'s' if ranks > 1 else ' '}  {figures}{'  OVER' if bad else ''}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
