"""compare_optimizer.py OUT [--model DIR] [--dump DIR]: a finished run's updates against torch.optim, step by step.

OUT is the output folder of a full (not adapter) run made with debug_dump; its run.yaml says the rest. The dumped
gradients are replayed in float32 through torch's clip_grad_norm_, AdamW, RMSprop or SGD and the schedules of
`transformers`, with weight decay on matrices only (never on norms and biases), from the weights the run started with;
the result must equal OUT/final to float32 rounding:

    |a − b| ≤ 4 ulp(b) + 1e-5 · Σ learning rates        element by element

The sum is how far AdamW can move a weight at all, so the second term allows a relative 1e-5 of the movement. Where
OUT/final is stored in 16 bits, one unit in the last place of that type is allowed instead of the 4 ulp.

The learning rates of metrics.jsonl must be those that the steps used. The run must not be a resumed one, as its dumps
would be missing. With --binary, a run of every optimizer and schedule is made first, on a committed tiny checkpoint:

    compare_optimizer.py --binary .build/release/swift-prefopt
"""
import argparse
import pathlib
import sys
import tempfile

import torch
import yaml
from safetensors.torch import load_file
from transformers import get_scheduler

from binary_runs import BinaryFailed, dumped_steps, read_lines, train

GOLDENS = pathlib.Path(__file__).resolve().parent.parent / "Goldens"
ROUNDING = {torch.float32: 2.0**-24, torch.bfloat16: 2.0**-8, torch.float16: 2.0**-11}


def stored_weights(directory):
    files = sorted(pathlib.Path(directory).glob("*.safetensors"))
    return {name: tensor for file in files for name, tensor in load_file(str(file)).items()}


def make_optimizer(run, parameters):
    decayed = [p for name, p in parameters.items() if p.dim() >= 2 and "norm" not in name]
    spared = [p for name, p in parameters.items() if not (p.dim() >= 2 and "norm" not in name)]
    groups = [dict(params=decayed, weight_decay=run.get("weight_decay", 0.0)), dict(params=spared, weight_decay=0.0)]
    groups = [group for group in groups if group["params"]]
    kind, rate = run.get("optim", "adamw"), run["learning_rate"]
    if kind == "adamw":
        return torch.optim.AdamW(groups, lr=rate, betas=(run.get("adam_beta1", 0.9), run.get("adam_beta2", 0.999)),
                                 eps=run.get("adam_epsilon", 1e-8), foreach=False)
    if kind == "rmsprop":
        return torch.optim.RMSprop(groups, lr=rate, foreach=False)
    if kind == "sgd":
        return torch.optim.SGD(groups, lr=rate, foreach=False)
    sys.exit(f"optim {kind} isn't known here")


def warmup_steps(run, total):
    """transformers' rule: the number if it is given, else the ratio rounded up."""
    given = run.get("warmup_steps") or 0
    if given:
        return int(given)
    return -int(-total * (run.get("warmup_ratio") or 0.0) // 1)


def replay(run, start, steps):
    """(weights after the last step, the learning rate of each step)."""
    weights = {name: tensor.float().clone().requires_grad_(True) for name, tensor in start.items()}
    optimizer = make_optimizer(run, weights)
    total = len(steps)
    schedule = get_scheduler(run.get("lr_scheduler_type", "linear"), optimizer, warmup_steps(run, total), total)
    rates, limit = [], run.get("max_grad_norm", 1.0)
    for _, gradients, _ in steps:
        for name, parameter in weights.items():
            parameter.grad = gradients[name].clone()
        if limit:
            torch.nn.utils.clip_grad_norm_(weights.values(), limit)
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return {name: parameter.detach() for name, parameter in weights.items()}, rates


def compare(out, model=None, dump=None):
    """Prints what was found about one run; true if it is within the limits."""
    out = pathlib.Path(out)
    run = yaml.safe_load((out / "run.yaml").read_text())
    start = stored_weights(model or run["model_name_or_path"])
    final = stored_weights(out / "final")
    steps = dumped_steps(dump or run["debug_dump"])
    expected, rates = replay(run, start, steps)
    if set(expected) != set(final):
        print(f"FAIL {out}: tensor names differ: {sorted(set(expected) ^ set(final))[:4]}")
        return False
    moved = 1e-5 * sum(rates)
    worst, where, distance = 0.0, "", 0.0
    for name, b in expected.items():
        stored = final[name]
        # Below the smallest normal number a unit in the last place no longer shrinks; 1e-38 stands for that.
        unit = (8 if stored.dtype == torch.float32 else 2) * ROUNDING[stored.dtype] * b.abs().double() + moved + 1e-38
        difference = (stored.double() - b.double()).abs()
        share = (difference / unit).max().item()
        distance = max(distance, (b.double() - start[name].double()).abs().max().item())
        if not share <= worst:
            worst, where = share, name
    used = {step: rate for (step, _, _), rate in zip(steps, rates)}
    logged = [row for row in read_lines(out / "metrics.jsonl") if "learning_rate" in row and row["step"] in used]
    off = max((abs(row["learning_rate"] - used[row["step"]]) for row in logged), default=0.0)
    good = worst <= 1 and off <= 1e-6 * max(rates) and distance > 0
    name = f"{run.get('optim', 'adamw')}, {run.get('lr_scheduler_type', 'linear')}, {len(steps)} steps"
    print(f"{'ok  ' if good else 'FAIL'} {name}: {worst:.2f} of the limit ({where}), "
          f"weights moved up to {distance:.1e}, learning rates differ by {off:.1e}", flush=True)
    return good


def fresh_runs(binary, folder):
    """A short run of each optimizer and schedule, with warm-up, decay and clipping on; gives the output folders."""
    shared = dict(
        model_name_or_path=str(GOLDENS / "models/gqa-untied"), train_file=str(GOLDENS / "gqa-untied.jsonl"),
        loss_type="simpo", beta=2.0, gamma=1.0, global_batch_size=4, max_steps=10, logging_steps=1, save_steps=1000000,
        max_length=256, seed=3, save_dtype="float32", max_grad_norm=0.7)
    cases = [
        dict(optim="adamw", lr_scheduler_type="linear", learning_rate=3e-3, warmup_ratio=0.25, weight_decay=0.1),
        dict(optim="adamw", lr_scheduler_type="cosine", learning_rate=1e-2, warmup_steps=3, adam_beta1=0.8,
             adam_beta2=0.95, adam_epsilon=1e-6),
        dict(optim="rmsprop", lr_scheduler_type="constant_with_warmup", learning_rate=1e-3, warmup_steps=4),
        dict(optim="rmsprop", lr_scheduler_type="constant", learning_rate=1e-3, weight_decay=0.05),
        dict(optim="sgd", lr_scheduler_type="cosine", learning_rate=0.1),
    ]
    for i, case in enumerate(cases):
        place = folder / str(i)
        place.mkdir()
        yield train(binary, place, dict(shared, output_dir=str(place / "out"), debug_dump=str(place / "dump"), **case))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("out", nargs="*", type=pathlib.Path)
    arguments.add_argument("--model", type=pathlib.Path, help="the weights at the start, if run.yaml's path moved")
    arguments.add_argument("--dump", type=pathlib.Path, help="the debug_dump folder, if it moved")
    arguments.add_argument("--binary")
    a = arguments.parse_args()
    good = all([compare(out, a.model, a.dump) for out in a.out])
    if a.binary:
        with tempfile.TemporaryDirectory() as scratch:
            try:
                good &= all([compare(out) for out in fresh_runs(a.binary, pathlib.Path(scratch))])
            except BinaryFailed as error:
                print(f"FAIL {error}")
                good = False
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
