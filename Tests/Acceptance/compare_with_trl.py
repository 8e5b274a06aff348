"""compare_with_trl.py --binary .build/release/swift-prefopt [--only NAME …]: five steps of every loss that TRL has.

TRL's own trainers (1.16: DPOTrainer with each loss_type, KTOTrainer, CPOTrainer, ORPOTrainer, SFTTrainer) and the binary
take five AdamW steps on the same rows in the same order, from the same committed checkpoint in float32; the loss of each
step, the logps, margins and KTO's KL estimate (`kl`, z/β) must agree to 2e-4 relative, which is how far two float32 programs drift apart here, and
the weights in the end to 1e-3 of the way that they went. What is set so that they can:

- order: `shuffle: false` here, a sequential sampler there; one micro-batch a step there, since TRL's token means and
  running numbers are those of a micro-batch, ours of the global batch.
- kto: TRL puts each response behind the prompt of the next row of the batch, we behind that of the row before; both
  are the same set when the rows of a batch are given to TRL backwards, and z is their mean either way. (TRL averages
  z over micro-batches and ranks of equal weight, ours is over the global batch, whatever it is cut into.)
- bco_pair: TRL has no reward shift any more; with the policy as the reference δ is 0 in the first step, which alone is
  compared.
- orpo: TRL's likelihood counts the prompt too, so prompts have one token, which nothing predicts; and it is a token mean.
- exo_pair, robust: label_smoothing as given. TRL's `sigmoid` ignores it, CPOTrainer's doesn't.
"""
import argparse
import contextlib
import io
import json
import logging
import math
import pathlib
import random
import tempfile
import warnings

import torch
from datasets import Dataset, disable_progress_bars
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers
from torch.utils.data import SequentialSampler
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from binary_runs import read_lines, train

GOLDENS = pathlib.Path(__file__).resolve().parent.parent / "Goldens"
MODEL, REFERENCE = GOLDENS / "models/gqa-untied", GOLDENS / "models/mha-sharded"
STEPS, BATCH, RATE, TOLERANCE, WEIGHTS = 5, 4, 1e-3, 2e-4, 1e-3

DPO = {
    "sigmoid": {}, "hinge": {}, "ipo": {}, "sigmoid_norm": dict(beta=5.0), "robust": dict(label_smoothing=0.1),
    "exo_pair": dict(label_smoothing=0.001), "nca_pair": {}, "sppo_hard": {}, "apo_zero": {}, "apo_down": {},
    "discopop": {}, "bco_pair": {}, "mpo": dict(loss_type=["sigmoid", "apo_zero", "sft"], loss_weights=[0.8, 0.2, 1.0]),
}
CPO = {
    "cpo": dict(nll_weight=1.0), "cpo-smoothed": dict(nll_weight=0.5, label_smoothing=0.1),
    "simpo": dict(beta=2.0, gamma=1.0, nll_weight=0.0),
}


def tokenizer():
    """Words t2 to t95 are the ids; 0 ends a sequence, 1 is padding."""
    words = Tokenizer(models.WordLevel({"<e>": 0, "<p>": 1} | {f"t{i}": i for i in range(2, 97)}, unk_token="t96"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<e>", pad_token="<p>")


def rows(prompt=None):
    """Ids from 2 to 95, so that neither the padding nor an unknown word is among them."""
    draw = random.Random(5)
    ids = lambda least, most: [draw.randrange(2, 96) for _ in range(draw.randint(least, most))]
    return [(ids(prompt or 2, prompt or 9), ids(1, 9), ids(1, 9)) for _ in range(STEPS * BATCH)]


def text(ids):
    return " " + " ".join(f"t{i}" for i in ids)


def arguments(folder, **more):
    common = dict(
        output_dir=str(folder), per_device_train_batch_size=BATCH, max_steps=STEPS, learning_rate=RATE, logging_steps=1,
        lr_scheduler_type="linear", optim="adamw_torch", use_cpu=True, bf16=False, report_to=[], save_strategy="no",
        gradient_checkpointing=False, max_length=256, disable_tqdm=True, remove_unused_columns=False)
    return common | more


def in_order(trainer_class):
    """The trainer with its rows in the order of the data."""
    class InOrder(trainer_class):
        def _get_train_sampler(self, *_):
            return SequentialSampler(self.train_dataset)
    return InOrder


def trained(trainer):
    """(the logged rows of the steps, the weights after them)"""
    with contextlib.redirect_stdout(io.StringIO()):
        trainer.train()
    return [entry for entry in trainer.state.log_history if "loss" in entry], trainer.model.state_dict()


def load(path):
    return LlamaForCausalLM.from_pretrained(path, dtype=torch.float32)


def pairs_dataset(data):
    return Dataset.from_list([dict(prompt=text(p).strip(), chosen=text(c), rejected=text(r)) for p, c, r in data])


def theirs(name, settings, data, reference, folder):
    settings = dict(settings)
    if name == "kto":
        backwards = [i for start in range(0, len(data), BATCH) for i in reversed(range(start, start + BATCH))]
        dataset = Dataset.from_list([
            dict(prompt=text(data[i][0]).strip(), completion=text(data[i][1]), label=data[i][3]) for i in backwards])
        return trained(KTOTrainer(
            model=load(MODEL), ref_model=load(reference), processing_class=tokenizer(), train_dataset=dataset,
            args=KTOConfig(**arguments(folder, train_sampling_strategy="sequential", **settings))))
    if name == "sft":
        dataset = Dataset.from_list([dict(prompt=text(p).strip(), completion=text(c)) for p, c, _ in data])
        return trained(in_order(SFTTrainer)(
            model=load(MODEL), processing_class=tokenizer(), train_dataset=dataset,
            args=SFTConfig(**arguments(folder, completion_only_loss=True))))
    if name == "orpo":
        return trained(in_order(ORPOTrainer)(
            model=load(MODEL), processing_class=tokenizer(), train_dataset=pairs_dataset(data),
            args=ORPOConfig(**arguments(folder, disable_dropout=True, beta=0.1))))
    if name in CPO:
        more = dict(
            beta=settings.get("beta", 0.1), cpo_alpha=settings["nll_weight"],
            label_smoothing=settings.get("label_smoothing", 0.0))
        if name == "simpo":
            more |= dict(loss_type="simpo", simpo_gamma=settings["gamma"])
        return trained(in_order(CPOTrainer)(
            model=load(MODEL), processing_class=tokenizer(), train_dataset=pairs_dataset(data),
            args=CPOConfig(**arguments(folder, **more))))
    settings = dict(beta=0.1, loss_type=[name]) | settings
    return trained(in_order(DPOTrainer)(
        model=load(MODEL), ref_model=load(reference), processing_class=tokenizer(), train_dataset=pairs_dataset(data),
        args=DPOConfig(**arguments(folder, **settings))))


def ours(binary, name, settings, data, reference, folder):
    file = folder / "rows.jsonl"
    with open(file, "w") as out:
        for row in data:
            prompt, chosen, rejected = row[:3]
            one = dict(prompt_ids=prompt, chosen_ids=chosen + [0], rejected_ids=rejected + [0])
            if name == "kto":
                one = dict(prompt_ids=prompt, completion_ids=chosen + [0], label=row[3])
            out.write(json.dumps(one) + "\n")
    run = dict(
        model_name_or_path=str(MODEL), train_file=str(file), output_dir=str(folder / "out"),
        reference_cache=str(folder / "cache"), shuffle=False, global_batch_size=BATCH, max_steps=STEPS,
        learning_rate=RATE, max_length=256, loss_type=name.split("-")[0] if name in CPO else name) | settings
    if name == "orpo":
        run |= dict(beta=0.1, nll_reduction="token")
    if name in DPO or name == "kto":
        run |= dict(ref_model_name_or_path=str(reference))
    out = train(binary, folder, run)
    return [row for row in read_lines(out / "metrics.jsonl") if "loss" in row], load_file(out / "final/model.safetensors")


def column(rows, name):
    return [row[name] for row in rows]


def worst_relative(a, b):
    return max(abs(x - y) / max(1, abs(y)) for x, y in zip(a, b, strict=True))


def apart(ours, theirs):
    """‖a − b‖ over ‖b − what both began from‖, of all weights."""
    start = load(MODEL).state_dict()
    square = lambda a, b: sum((a[name].double() - b[name].double()).square().sum().item() for name in ours)
    return math.sqrt(square(ours, theirs) / square(theirs, start))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--only", nargs="*")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    disable_progress_bars()
    transformers_logging.disable_progress_bar()
    cases = dict(DPO) | CPO | dict(orpo={}, sft={}, kto=dict(beta=0.1, desirable_weight=1.2))
    failed = []
    for name, settings in cases.items():
        if given.only and name not in given.only:
            continue
        data = rows(prompt=1 if name == "orpo" else None)
        if name == "kto":
            data = [(*row, i % 3 != 0) for i, row in enumerate(data)]
        reference = MODEL if name == "bco_pair" else REFERENCE
        steps = 1 if name == "bco_pair" else STEPS
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            a, a_weights = ours(given.binary, name, settings, data, reference, pathlib.Path(one))
            b, b_weights = theirs(name, settings, data, reference, pathlib.Path(other))
        a, b = a[:steps], b[:steps]
        print(f"{name:14} {'ours':>6} " + " ".join(f"{x:9.5f}" for x in column(a, "loss")))
        print(f"{'':14} {'TRL':>6} " + " ".join(f"{x:9.5f}" for x in column(b, "loss")))
        found = {"loss": worst_relative(column(a, "loss"), column(b, "loss"))}
        for key in ("logps/chosen", "logps/rejected", "rewards/margins", "kl"):
            # TRL's logps of losses that compare means are means too.
            own = key + "_mean" if name in ("simpo", "orpo") and key.startswith("logps/") else key
            if all(own in row for row in a) and all(key in row for row in b):
                found[key] = worst_relative(column(a, own), column(b, key))
        if steps == STEPS:
            found["weights"] = apart(a_weights, b_weights)
        print(f"{'':14}        " + ", ".join(f"{key} {value:.1e}" for key, value in found.items()), flush=True)
        if any(value > (WEIGHTS if key == "weights" else TOLERANCE) for key, value in found.items()):
            failed.append(name)
    assert not failed, f"differ from TRL: {failed}"


if __name__ == "__main__":
    main()
