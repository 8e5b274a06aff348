"""compare_with_torch.py BINARY [--model DIR --data FILE] [--random N]: the real binary against float64 torch.

Trains one step with debug_dump and scores the same rows, then computes everything again with Tests/Goldens'
double_decoder.py and pair_losses.py, and prints the worst differences of each case:

    logps      |a − b| of every scored token's and every response's logps        limit 2e-4 nats
    loss       |a − b| of the step's and of every pair's loss                    limit 1e-4
    gradient   max |a − b| / max |b|, the worst tensor                           limit 2e-4

Exit status 1 when anything is over its limit. Without --model and --random: the committed checkpoints of Tests/Goldens.

    compare_with_torch.py .build/release/swift-prefopt
    compare_with_torch.py .build/release/swift-prefopt --ranks 1 3 --set micro_batch_tokens=64
    compare_with_torch.py .build/release/swift-prefopt --model DIR --data hh.jsonl.gz --rows 16 --objective sigmoid
    compare_with_torch.py .build/release/swift-prefopt --random 10 --seed 7
    compare_with_torch.py .build/release/swift-prefopt --families                 # every shape of family_shapes.py
    compare_with_torch.py .build/release/swift-prefopt --families gemma2 phi3 --dtype bfloat16
    compare_with_torch.py .build/release/swift-prefopt --families --set bf16=true  # operands rounded alike in torch

With bf16=true an activation that lies in the middle of two bfloat16 numbers may be rounded the other way in float64, so the limits
are wider: loss 2e-3, gradient 2e-2. (`score` computes in float32 and isn't compared.)

Needs torch, transformers, tokenizers, safetensors, numpy and PyYAML.
"""
import argparse
import json
import pathlib
import random
import sys
import tempfile

import torch
import yaml

HERE = pathlib.Path(__file__).resolve().parent
GOLDENS = HERE.parent / "Goldens"
sys.path.insert(0, str(GOLDENS))

import random_cases  # noqa: E402
from binary_runs import BinaryFailed, dumped_steps, read_lines, score, train  # noqa: E402
from double_decoder import DoubleDecoder  # noqa: E402
from family_shapes import SHAPES, VOCABULARY, build  # noqa: E402
from pair_losses import NEEDS_REFERENCE, OBJECTIVES  # noqa: E402
from preference_rows import encode_rows, read_rows  # noqa: E402

LIMITS = dict(logps=2e-4, loss=1e-4, gradient=2e-4)
ROUNDED_LIMITS = dict(loss=2e-3, gradient=2e-2)
SIDES = ("chosen", "rejected")


def rounded(x):
    return x.float().bfloat16().to(x.dtype)


class RoundedProduct(torch.autograd.Function):
    """x W with both operands rounded to bfloat16, in the forward product and in both products of the backward pass."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return rounded(x) @ rounded(weight)

    @staticmethod
    def backward(ctx, upstream):
        x, weight = ctx.saved_tensors
        d = rounded(upstream)
        return d @ rounded(weight).T, rounded(x).flatten(0, -2).T @ d.flatten(0, -2)


class RoundedDecoder(DoubleDecoder):
    def product(self, x, weight):
        return RoundedProduct.apply(x, weight)


def objective_settings(name, columns, model):
    """The run-file keys of an objective by its name here; `columns` are the margin rewards that the data carries."""
    if name == "sigmoid":
        return dict(loss_type="sigmoid", beta=0.1)
    if name == "sigmoid-smoothed":
        return dict(loss_type="sigmoid", beta=0.3, label_smoothing=0.1)
    if name == "simpo":
        return dict(loss_type="simpo", beta=2.0, gamma=1.0)
    if name == "modpo":
        margins = {columns[0]: dict(column=columns[0])} if columns else dict(short=dict(length=-1))
        weights = {"trained": 0.5, next(iter(margins)): 0.5}
        return dict(loss_type="modpo", beta=0.1, preference_name="trained", weights=weights, margins=margins)
    if name == "modpo-three":
        # A computed reward and an implicit one at once; the policy's own checkpoint serves as the margin's model.
        margins = dict(short=dict(length=-1), implicit=dict(model=str(model), beta=0.2))
        weights = dict(trained=0.5, short=0.1, implicit=0.4)
        return dict(loss_type="modpo", beta=0.1, preference_name="trained", weights=weights, margins=margins)
    # The golden's: of each response's tokens, then of the responses.
    return dict(loss_type="sft", nll_reduction="response")


ALL = ["sigmoid", "sigmoid-smoothed", "simpo", "modpo", "modpo-three", "sft"]


def margin_rewards(margins, pair, sums):
    """name → (chosen, rejected): a column, a multiple of the scored length, beta times another model's log-ratio."""
    rewards = {}
    for name, margin in margins.items():
        if "column" in margin:
            rewards[name] = tuple(pair["scores"][side][margin["column"]] for side in SIDES)
        elif "length" in margin:
            rewards[name] = tuple(margin["length"] * len(pair[side][1]) for side in SIDES)
        else:
            model = sums[margin["model"]]
            rewards[name] = tuple(margin["beta"] * (model[side] - sums["reference"][side]) for side in SIDES)
    return rewards


def truth(policy, reference, pairs, settings, Decoder=DoubleDecoder):
    """(losses, gradients of their mean by tensor name), one pair at a time so that only one graph is alive."""
    names, gradients, losses = list(policy.weights), None, []
    needs_reference = settings["loss_type"] in NEEDS_REFERENCE
    others = {m["model"]: Decoder(m["model"]) for m in settings.get("margins", {}).values() if "model" in m}
    for pair in pairs:
        logps = {side: policy.logps(*pair[side]) for side in SIDES}
        models = dict(others, **(dict(reference=reference) if needs_reference else {}))
        with torch.no_grad():
            sums = {name: {side: m.logps(*pair[side]).sum().item() for side in SIDES} for name, m in models.items()}
        R = sums.get("reference", dict.fromkeys(SIDES))
        loss = OBJECTIVES[settings["loss_type"]](
            logps["chosen"], logps["rejected"], R["chosen"], R["rejected"],
            margin_rewards(settings.get("margins", {}), pair, sums), settings)
        found = torch.autograd.grad(loss / len(pairs), [policy.weights[n] for n in names])
        gradients = found if gradients is None else [a + b for a, b in zip(gradients, found)]
        losses.append(loss.item())
    return losses, dict(zip(names, gradients))


def worst_logps(scored, pairs, models):
    """The worst difference of `score`'s sums and per-token logps, and complaints about rows and lengths."""
    worst, complaints = 0.0, []
    if len(scored) != len(pairs):
        return float("inf"), [f"score wrote {len(scored)} rows for {len(pairs)}"]
    for i, (row, pair) in enumerate(zip(scored, pairs)):
        if row.get("index") != i or "dropped" in row:
            complaints.append(f"row {i}: index {row.get('index')}, dropped: {row.get('dropped')}")
            continue
        for side in SIDES:
            if row[side + "_length"] != len(pair[side][1]):
                complaints.append(f"row {i}: {side}_length {row[side + '_length']}, expected {len(pair[side][1])}")
                continue
            for role, model in models.items():
                with torch.no_grad():
                    tokens = model.logps(*pair[side])
                worst = max(worst, abs(row[f"{role}_{side}_logps"] - tokens.sum().item()))
                if role == "policy":
                    ours = torch.tensor(row[side + "_token_logps"], dtype=torch.float64)
                    worst = max(worst, (ours - tokens).abs().max().item())
    return worst, complaints


def worst_gradient(ours, expected):
    """(worst relative difference, its tensor). A gradient that is nothing but rounding is held against the largest."""
    if set(ours) != set(expected):
        return float("inf"), f"names: {sorted(set(ours) ^ set(expected))[:4]}"
    largest = max(g.abs().max().item() for g in expected.values())

    def relative_difference(name, g):
        if ours[name].shape != g.shape:
            return float("inf")
        size = g.abs().max().item()
        # A key's bias that no position turns moves all scores of a query alike: its true gradient is zero, and ours what
        # float32 sums leave of it.
        size = 1e-3 * largest if size < 1e-12 * largest else max(size, 1e-6 * largest)
        return (ours[name].double() - g).abs().max().item() / size

    relative = {name: relative_difference(name, g) for name, g in expected.items()}
    name = max(relative, key=relative.get)
    return relative[name], name


def compare_losses(pairs_dump, losses, output):
    """Worst difference of the per-pair losses (by `index`, else in ascending order) and of the logged mean."""
    found = [row["loss"] for row in pairs_dump]
    if len(found) != len(losses):
        return float("inf")
    if all("index" in row for row in pairs_dump):
        worst = max(abs(row["loss"] - losses[row["index"]]) for row in pairs_dump)
    else:
        worst = max(abs(a - b) for a, b in zip(sorted(found), sorted(losses)))
    logged = [row["loss"] for row in read_lines(output / "metrics.jsonl") if "loss" in row]
    return max(worst, abs(logged[0] - sum(losses) / len(losses)))


def compare_case(case, objectives, ranks, extra, binary, folder):
    """One model, its reference and its rows through every objective. The number of results over their limit."""
    Decoder, limits = (RoundedDecoder, ROUNDED_LIMITS) if extra.get("bf16") else (DoubleDecoder, LIMITS)
    policy, reference = Decoder(case["model"]), Decoder(case["reference"])
    longest = case.get("longest") or min(case.get("max_length", 1 << 20), policy.positions)
    kept = encode_rows(case["rows"], case["model"], longest)[: case["limit"]]
    pairs = [pair for _, pair in kept]
    if not pairs:
        sys.exit(f"{case['name']}: no usable row")
    data = folder / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row, _ in kept))
    columns = sorted(set.intersection(*(set(pair["scores"]["chosen"]) for pair in pairs)))
    failures = 0

    def tell(what, values, note=""):
        nonlocal failures
        over = [kind for kind, value in values.items() if not value <= limits[kind]]
        failures += bool(over or note)
        shown = "  ".join(f"{kind} {value:.1e}" for kind, value in values.items())
        verdict = "FAIL" if over or note else "ok  "
        print(f"{verdict} {case['name']:<20} {what:<28} {shown}  {note}".rstrip(), flush=True)

    for n in ranks if Decoder is DoubleDecoder else []:
        scored = score(
            binary, case["model"], data, folder / f"scores-{n}.jsonl", case["reference"], n, case.get("longest"))
        worst, complaints = worst_logps(scored, pairs, dict(policy=policy, reference=reference))
        tell(f"score, {n} rank(s)", dict(logps=worst), "; ".join(complaints[:3]))
    for name in objectives:
        settings = objective_settings(name, columns, case["model"])
        losses, gradients = truth(policy, reference, pairs, settings, Decoder)
        for n in ranks:
            place = folder / f"{name}-{n}"
            place.mkdir()
            run = dict(
                model_name_or_path=str(case["model"]), train_file=str(data), output_dir=str(place / "out"),
                shuffle=False, seed=1, global_batch_size=len(pairs), max_steps=1, learning_rate=1e-6,
                lr_scheduler_type="constant", logging_steps=1, save_steps=1000000, max_length=longest,
                debug_dump=str(place / "dump"), **settings)
            if settings["loss_type"] in NEEDS_REFERENCE:
                run.update(ref_model_name_or_path=str(case["reference"]), reference_cache=str(folder / "cache"))
            run.update(case.get("settings", {}), **extra)
            output = train(binary, place, run, n)
            [(_, dumped, pairs_dump)] = dumped_steps(place / "dump")
            gradient, tensor = worst_gradient(dumped, gradients)
            loss = compare_losses(pairs_dump, losses, output)
            over = gradient > limits["gradient"]
            tell(f"{name}, {n} rank(s)", dict(loss=loss, gradient=gradient), f"in {tensor}" if over else "")
    return failures


def committed_cases():
    for file in sorted(GOLDENS.glob("*.json")):
        golden = json.loads(file.read_text())
        yield dict(name=file.stem, model=GOLDENS / golden["model"], reference=GOLDENS / golden["reference"],
                   rows=read_rows(GOLDENS / golden["rows"]))


def family_cases(names, folder, seed, dtype):
    """A checkpoint of each shape with rows short and long enough for its windows and scalings."""
    for place, name in enumerate(names or SHAPES):
        for role in ("policy", "reference"):
            build(name, folder / name / role, seed=2 * (seed + place) + (role == "policy"), dtype=dtype)
        draw = random.Random(seed + place)
        ids = lambda low, high: [draw.randrange(1, VOCABULARY) for _ in range(draw.randrange(low, high))]
        rows = [dict(prompt_ids=ids(1, p), chosen_ids=ids(1, c), rejected_ids=ids(1, r))
                for p, c, r in [(3, 4, 4), (9, 6, 20), (20, 9, 14), (12, 25, 3), (5, 5, 5), (24, 24, 24)]]
        for row in rows:
            for side in ("chosen", "rejected"):
                row["scores_" + side] = dict(quality=round(draw.gauss(0, 2), 3))
        # Above a model's own length only where its config says what happens there.
        longest = 1 << 20 if "dynamic" in name else None
        yield dict(name=name, model=folder / name / "policy", reference=folder / name / "reference", rows=rows,
                   **(dict(longest=longest) if longest else {}),
                   settings=dict(gradient_checkpointing=place % 2 == 0, micro_batch_tokens=60 + 40 * (place % 3)))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("binary")
    arguments.add_argument("--model", type=pathlib.Path)
    arguments.add_argument("--reference", type=pathlib.Path, help="default: the model itself")
    arguments.add_argument("--data", type=pathlib.Path)
    arguments.add_argument("--rows", type=int, default=1 << 30, help="use only so many pairs")
    arguments.add_argument("--max-length", type=int, default=1 << 20, help="leave out longer pairs")
    arguments.add_argument("--objective", nargs="+", choices=ALL, default=ALL)
    arguments.add_argument("--ranks", nargs="+", type=int, default=[1, 2])
    arguments.add_argument("--random", type=int, default=0, metavar="N", help="N fresh random checkpoints and rows")
    arguments.add_argument("--families", nargs="*", metavar="SHAPE", help="the shapes of family_shapes.py, or some")
    arguments.add_argument("--dtype", default="float32", help="what those checkpoints are stored in")
    arguments.add_argument("--seed", type=int, default=0, help="of the first random case")
    arguments.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="added to every run file")
    arguments.add_argument("--keep", type=pathlib.Path, help="leave the run files and dumps in this (new) folder")
    a = arguments.parse_args()
    extra = {key: yaml.safe_load(value) for key, value in (item.split("=", 1) for item in a.set)}
    torch.set_num_threads(1)
    failures = 0
    with tempfile.TemporaryDirectory() as scratch:
        scratch = a.keep or pathlib.Path(scratch)
        if a.model:
            if not a.data:
                arguments.error("--model needs --data")
            cases = [dict(name=a.model.name, model=a.model, reference=a.reference or a.model, rows=read_rows(a.data),
                          max_length=a.max_length)]
        elif a.families is not None:
            cases = family_cases(a.families, scratch / "models", a.seed, getattr(torch, a.dtype))
        elif a.random:
            cases = (random_cases.make(seed, scratch / f"models-{seed}") for seed in range(a.seed, a.seed + a.random))
        else:
            cases = committed_cases()
        for case in cases:
            folder = scratch / case["name"]
            folder.mkdir(parents=True)
            case["limit"] = a.rows
            try:
                failures += compare_case(case, a.objective, case.get("ranks", a.ranks), extra, a.binary, folder)
            except BinaryFailed as error:
                failures += 1
                print(f"FAIL {case['name']}: {error}", flush=True)
    print(f"{failures} failure(s)" if failures else "all within the limits")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
