"""make_loss_goldens.py: values and gradients of every loss in float64. Same bytes every time.

    python make_loss_goldens.py            # needs torch, transformers, safetensors

What it writes:

losses.json                 random judgements under every loss: per judgement the loss and its derivative by each logps
models/narrow, models/narrow-reference
                            two Llama checkpoints of 1,400 weights: small, so that full gradients of all losses are
narrow.jsonl                eight pairs of token ids
narrow.json                 per loss: settings (run file keys), losses by row (by response for kto), their mean
narrow.safetensors          ∂(mean loss)/∂tensor of every loss, float32, each tensor under `<case>/<its name>`

For kto each pair is split in two responses, chosen and rejected; z is the mean over the batch of log π/π_ref of each
response behind the prompt of the row before it (the first row's behind that of the last), at least 0.
"""
import json
import math
import pathlib

import torch
from safetensors.torch import save_file

from double_decoder import DoubleDecoder
from loss_formulas import LABELLED, LISTS, evaluate, ratio
from make_model_goldens import make_rows, random_model, save_model

HERE = pathlib.Path(__file__).resolve().parent
COUNT = 5


def case(loss_type, loss_weights=None, **constants):
    one = dict(loss_type=loss_type, constants=constants)
    return one | dict(loss_weights=loss_weights) if loss_weights else one


CASES = [
    case("sigmoid", beta=0.1), case("sigmoid", beta=0.5, label_smoothing=0.15, nll_weight=0.2),
    case("robust", beta=0.3, label_smoothing=0.2), case("robust", beta=0.3, label_smoothing=0.0),
    case("hinge", beta=0.2),
    case("ipo", beta=0.1), case("ipo", beta=0.4, normalise="sum"),
    case("sigmoid_norm", beta=5.0), case("sigmoid_norm", beta=5.0, label_smoothing=0.1),
    case("simpo", beta=2.5, gamma=1.4), case("simpo", beta=2.0, gamma_beta_ratio=0.5, label_smoothing=0.1),
    case("simpo", beta=0.1, gamma=0.3, normalise="sum"),
    case("modpo", beta=0.1, preference_weight=0.5), case("modpo", beta=0.5, preference_weight=0.2, label_smoothing=0.1),
    case("orpo", beta=0.25, nll_reduction="response"), case("orpo", beta=0.1, label_smoothing=0.1, nll_weight=0.5),
    case("cpo", beta=0.1, nll_weight=1.0, nll_reduction="token", mean_length=13.5),
    case("cpo", beta=0.1, nll_weight=0.0, label_smoothing=0.2),
    case("slic", delta=1.0, nll_weight=0.1, nll_reduction="sum"),
    case("slic", delta=20.0, nll_weight=0.0),
    case("rdpo", beta=0.1, alpha=0.05), case("rdpo", beta=0.1, alpha=0.2, label_smoothing=0.1),
    case("dpop", beta=0.1, dpop_lambda=5.0), case("dpop", beta=0.3, dpop_lambda=50.0, label_smoothing=0.1),
    case("unlikelihood", alpha=0.5, unlikelihood_floor=-2.0),
    case("rrhf", nll_weight=1.0, nll_reduction="sum"), case("rrhf", nll_weight=0.3, nll_reduction="response"),
    case("kto", beta=0.1, desirable_weight=1.0, undesirable_weight=1.0, shift=0.0),
    case("kto", beta=0.4, desirable_weight=1.5, undesirable_weight=0.7, shift=0.3),
    case("apo_zero", beta=0.2), case("apo_down", beta=0.2),
    case("bco_pair", beta=0.2, shift=0.0), case("bco_pair", beta=0.2, shift=-0.35),
    case("sppo_hard", beta=0.1), case("nca_pair", beta=0.2), case("exo_pair", beta=0.3, label_smoothing=0.001),
    case("discopop", beta=0.1, discopop_tau=0.05), case("discopop", beta=0.3, discopop_tau=0.5),
    case("sft", nll_reduction="response"), case("sft", nll_reduction="token", mean_length=11.25),
    case(["sigmoid", "bco_pair", "sft"], loss_weights=[0.8, 0.2, 1.0], beta=0.1, shift=0.1, nll_reduction="token",
         mean_length=9.0),
    case("reward", center_rewards_coefficient=0.0), case("reward", center_rewards_coefficient=0.01),
]


def response():
    logps = -40 * torch.rand(()) - 1
    return dict(logps=logps, reference=logps + 4 * torch.randn(()), length=torch.randint(1, 30, ()),
                margin=torch.randn(()))


def judgement(loss_type, place):
    """How many responses, and who beats whom: of lists some relation, of single responses their label."""
    if isinstance(loss_type, list):
        return 2, []
    if loss_type in LABELLED:
        return 1, [place % 2 == 0]
    if loss_type in LISTS:
        return [(2, [[0, 1]]), (3, [[0, 1], [0, 2], [1, 2]]), (3, [[2, 0], [2, 1]]), (4, [[1, 0], [1, 2], [3, 0]]),
                (2, [[1, 0]])][place]
    return (1, []) if loss_type == "sft" else (2, [])


def write_judgements():
    torch.manual_seed(20261129)
    for one in CASES:
        one["judgements"] = []
        for place in range(COUNT):
            count, order = judgement(one["loss_type"], place)
            responses = [response() for _ in range(count)]
            for r in responses:
                if place == 0:  # the policy equals the reference
                    r["reference"] = r["logps"].clone()
                r["logps"].requires_grad_(True)
            loss = evaluate(one, responses, order)
            gradients = torch.autograd.grad(loss, [r["logps"] for r in responses], allow_unused=True)
            assert math.isfinite(loss.item())
            one["judgements"].append(dict(
                responses=[{k: v.item() for k, v in r.items()} for r in responses], order=order, loss=loss.item(),
                gradients=[0.0 if g is None else g.item() for g in gradients]))
    text = ",\n".join(json.dumps(one, separators=(",", ":")) for one in CASES)
    (HERE / "losses.json").write_text(f"[\n{text}\n]\n")


# MARK: Full gradients

SHAPE = dict(
    hidden_size=8, intermediate_size=12, num_attention_heads=2, num_key_value_heads=1, num_hidden_layers=1,
    tie_word_embeddings=True, rope_parameters=dict(rope_type="default", rope_theta=10000.0))

# By the name under which the gradients are kept: run file keys.
SETTINGS = {
    "sigmoid": dict(loss_type="sigmoid", beta=0.1),
    "sigmoid-smoothed": dict(loss_type="sigmoid", beta=0.1, label_smoothing=0.1),
    "sigmoid-rpo": dict(loss_type="sigmoid", beta=0.1, nll_weight=0.5, nll_reduction="response"),
    "robust": dict(loss_type="robust", beta=0.1, label_smoothing=0.1),
    "hinge": dict(loss_type="hinge", beta=0.1),
    "ipo": dict(loss_type="ipo", beta=0.1),
    "ipo-sum": dict(loss_type="ipo", beta=0.1, normalise="sum"),
    "sigmoid_norm": dict(loss_type="sigmoid_norm", beta=5.0),
    "simpo": dict(loss_type="simpo", beta=2.0, gamma=1.0),
    "simpo-sum": dict(loss_type="simpo", beta=0.1, gamma=1.0, normalise="sum", label_smoothing=0.1),
    "modpo": dict(
        loss_type="modpo", beta=0.1, preference_name="preferred", weights=dict(preferred=0.6, helpful=0.4),
        margins=dict(helpful=dict(column="helpful"))),
    "orpo": dict(loss_type="orpo", beta=0.1),
    "cpo": dict(loss_type="cpo", beta=0.1, nll_weight=1.0),
    "slic": dict(loss_type="slic", delta=1.0, nll_weight=0.1),
    "rdpo": dict(loss_type="rdpo", beta=0.1, alpha=0.05),
    "dpop": dict(loss_type="dpop", beta=0.1, dpop_lambda=5.0),
    "unlikelihood": dict(loss_type="unlikelihood", alpha=0.1, unlikelihood_floor=-5.0),
    "rrhf": dict(loss_type="rrhf", nll_weight=1.0),
    "kto": dict(loss_type="kto", beta=0.1, desirable_weight=1.2),
    "apo_zero": dict(loss_type="apo_zero", beta=0.1),
    "apo_down": dict(loss_type="apo_down", beta=0.1),
    "bco_pair": dict(loss_type="bco_pair", beta=0.1),
    "sppo_hard": dict(loss_type="sppo_hard", beta=0.1),
    "nca_pair": dict(loss_type="nca_pair", beta=0.1),
    "exo_pair": dict(loss_type="exo_pair", beta=0.1),
    "discopop": dict(loss_type="discopop", beta=0.1),
    "sft": dict(loss_type="sft"),
    "sft-response": dict(loss_type="sft", nll_reduction="response"),
    "mpo": dict(loss_type=["sigmoid", "bco_pair", "sft"], loss_weights=[0.8, 0.2, 1.0], beta=0.1),
}
# What the run file leaves to its defaults.
DEFAULTS = dict(
    label_smoothing=0.0, nll_weight=0.0, desirable_weight=1.0, undesirable_weight=1.0, discopop_tau=0.05)
REDUCTION = dict(sft="token", cpo="token", slic="sum", rrhf="sum")


def loss_of(settings, rows, shift):
    """The losses of all judgements of the one batch that the rows are; `rows`: (chosen, rejected) responses."""
    name = settings["loss_type"]
    first = "sft" if isinstance(name, list) else name
    constants = DEFAULTS | dict(nll_reduction=REDUCTION.get(first, "response")) | settings
    if name == "exo_pair":
        constants["label_smoothing"] = 0.001
    if name == "modpo":
        constants["preference_weight"] = settings["weights"]["preferred"]
    constants["mean_length"] = sum(w["length"] for w, _ in rows) / len(rows)
    constants["shift"] = shift * constants.get("beta", 0.0)
    one = dict(loss_type=name, constants=constants)
    if "loss_weights" in settings:
        one["loss_weights"] = settings["loss_weights"]
    if not isinstance(name, list) and name in LABELLED:
        return [evaluate(one, [r], [place == 0]) for pair in rows for place, r in enumerate(pair)]
    return [evaluate(one, list(pair), [[0, 1]]) for pair in rows]


def write_gradients():
    for seed, name in ((60, "narrow"), (61, "narrow-reference")):
        save_model(random_model(SHAPE, 97, torch.float32, seed), HERE / "models" / name)
    policy, reference = (DoubleDecoder(HERE / "models" / name) for name in ("narrow", "narrow-reference"))
    data = make_rows(160)
    (HERE / "narrow.jsonl").write_text("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in data))

    def logps(prompt, response):
        ours, theirs = policy.logps(prompt, response).sum(), reference.logps(prompt, response).sum()
        return dict(logps=ours, reference=theirs.detach(), length=len(response))

    weights = SETTINGS["modpo"]["weights"]
    rows = []
    for row in data:
        rows.append([
            logps(row["prompt_ids"], row[f"{side}_ids"])
            | dict(margin=weights["helpful"] * row[f"scores_{side}"]["helpful"]) for side in ("chosen", "rejected")])
    mismatched = [
        float(ratio(logps(row["prompt_ids"], data[(i + 1) % len(data)][f"{side}_ids"])).detach())
        for i, row in enumerate(data) for side in ("chosen", "rejected")]
    shifts = dict(
        kto=max(0.0, sum(mismatched) / len(mismatched)),
        bco_pair=sum(float(ratio(r).detach()) for pair in rows for r in pair) / (2 * len(rows)))

    golden = dict(
        model="models/narrow", reference="models/narrow-reference", rows="narrow.jsonl",
        mismatched_log_ratio=sum(mismatched) / len(mismatched), running_log_ratio=shifts["bco_pair"], objectives=[])
    tensors = {}
    for name, settings in SETTINGS.items():
        losses = loss_of(settings, rows, shifts["kto" if name == "kto" else "bco_pair"])
        mean = torch.stack(losses).mean()
        names = list(policy.weights)
        for tensor, gradient in zip(names, torch.autograd.grad(
                mean, [policy.weights[n] for n in names], retain_graph=True)):
            tensors[f"{name}/{tensor}"] = gradient.float().contiguous()
        golden["objectives"].append(dict(
            name=name, settings=settings, loss=mean.item(), losses=[x.item() for x in losses]))
    save_file(tensors, str(HERE / "narrow.safetensors"))
    (HERE / "narrow.safetensors").chmod(0o644)
    (HERE / "narrow.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(", ".join(f"{o['name']} {o['loss']:.4f}" for o in golden["objectives"]))


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    write_judgements()
    write_gradients()
