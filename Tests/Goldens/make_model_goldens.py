"""make_model_goldens.py: writes the tiny checkpoints and the float64 goldens of this folder. Same bytes every time.

    python make_model_goldens.py            # needs torch, transformers, safetensors
    python make_model_goldens.py --check    # writes nothing; checks what is here against itself and transformers

What it writes (all weights random, all token ids below 97, all our own):

models/<name>/              a Hugging Face model directory: config.json, model.safetensors (or shards and their index)
<name>.jsonl                preference rows as token ids: prompt_ids, chosen_ids, rejected_ids and, for MODPO,
                            scores_chosen / scores_rejected ({"helpful": …, "brief": …})
<name>.json                 the goldens of that model on those rows
  model, reference            folders, relative to this one; the reference of each model is another one of them
  rows                        the .jsonl file's name
  logps.policy, .reference    chosen and rejected: one list of per-token logps per row
  sums.policy, .reference     chosen and rejected: one sum per row
  objectives                  a list of
    name, settings              the run file's keys (loss_type, beta, …)
    loss, losses                mean over the rows; one per row
    d_chosen, d_rejected        ∂(loss of the row)/∂(sum of logps), one per row, not divided by the number of rows
    gradients                   file of ∂loss/∂tensor for every tensor of the checkpoint, or null
<name>.<objective>.safetensors  those gradients: float32, Hugging Face names (a tied head's is in its embedding)

Precision: weights are what is stored (float32, float16 or bfloat16) widened to float64; everything after that, rotary
angles included, is float64. Gradients are rounded to float32 at the end.

The four models, each with something the others lack (D width, F feed-forward width, H query and G key/value heads,
E head width, L layers, V vocabulary):

gqa-untied     D 32 F 44 H 4 G 2 E 8  L 3 V 97  float32, default rotary positions, rms_norm_eps 1e-5, newest config keys
tied-llama3    D 32 F 48 H 4 G 2 E 8  L 2 V 97  float32, tied head, biases on q, k, v and o, llama3 rotary scaling whose
                                              frequencies fall in all three branches (kept, blended, divided)
linear-bf16    D 30 F 40 H 3 G 1 E 12 L 2 V 97  bfloat16, head width ≠ D/H, biases in the feed-forward, linear scaling
mha-sharded    D 32 F 48 H 4 G 4 E 8  L 2 V 97  float16, three shards and an index, no num_key_value_heads, no head_dim,
                                              the old keys rope_theta and rope_scaling {"type": …}
"""
import argparse
import json
import pathlib
import random
import shutil

import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from double_decoder import DoubleDecoder
from pair_losses import OBJECTIVES

HERE = pathlib.Path(__file__).resolve().parent
VOCABULARY = 97

SHAPES = {
    "gqa-untied": dict(
        hidden_size=32, intermediate_size=44, num_attention_heads=4, num_key_value_heads=2, num_hidden_layers=3,
        rms_norm_eps=1e-5, rope_parameters=dict(rope_type="default", rope_theta=10000.0)),
    "tied-llama3": dict(
        hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=2, num_hidden_layers=2,
        tie_word_embeddings=True, attention_bias=True,
        rope_parameters=dict(
            rope_type="llama3", rope_theta=100.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
            original_max_position_embeddings=32)),
    "linear-bf16": dict(
        hidden_size=30, intermediate_size=40, num_attention_heads=3, num_key_value_heads=1, head_dim=12,
        num_hidden_layers=2, mlp_bias=True, rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=4.0)),
    "mha-sharded": dict(
        hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=4, num_hidden_layers=2,
        rms_norm_eps=1e-5, rope_parameters=dict(rope_type="linear", rope_theta=500.0, factor=2.0)),
}
STORED = {"linear-bf16": torch.bfloat16, "mha-sharded": torch.float16}
REFERENCE = {
    "gqa-untied": "mha-sharded", "tied-llama3": "gqa-untied", "linear-bf16": "tied-llama3",
    "mha-sharded": "linear-bf16",
}

SETTINGS = {
    "sigmoid": dict(loss_type="sigmoid", beta=0.1),
    "sigmoid-smoothed": dict(loss_type="sigmoid", beta=0.1, label_smoothing=0.1),
    "simpo": dict(loss_type="simpo", beta=2.0, gamma=1.0),
    "modpo": dict(
        loss_type="modpo", beta=0.1, preference_name="preferred", weights=dict(preferred=0.5, helpful=0.5),
        margins=dict(helpful=dict(column="helpful"))),
    "modpo-three": dict(
        loss_type="modpo", beta=0.1, preference_name="preferred", weights=dict(preferred=0.4, helpful=0.35, brief=0.25),
        margins=dict(helpful=dict(column="helpful"), brief=dict(column="brief"))),
    "sft": dict(loss_type="sft"),
}
# Most objectives on the first model; elsewhere what that model's other arithmetic could break. Keeps the folder small.
GRADIENTS = {
    "gqa-untied": ["sigmoid", "simpo", "modpo", "sft"],
    "tied-llama3": ["sigmoid", "simpo", "modpo"],
    "linear-bf16": ["sigmoid", "sft"],
    "mha-sharded": ["sigmoid", "sigmoid-smoothed"],
}


def random_model(shape, vocabulary, stored, seed):
    """A model in which every parameter matters: norms away from one, biases away from zero, logits a few nats wide."""
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=vocabulary, max_position_embeddings=256, bos_token_id=None, eos_token_id=0, pad_token_id=None,
        **shape))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name:
                parameter.copy_(1 + 0.3 * noise)
            elif name.endswith("bias") or "embed" in name or "lm_head" in name:
                parameter.copy_(0.3 * noise)
            else:
                parameter.copy_(noise * 1.2 / parameter.shape[1] ** 0.5)
    return model.to(stored)


def save_model(model, folder, shard_size="1GB", old_keys=False):
    """Writes the directory; `old_keys`: as those written years ago look, with absent keys that mean "the usual"."""
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder, max_shard_size=shard_size)
    (folder / "generation_config.json").unlink(missing_ok=True)
    config = json.loads((folder / "config.json").read_text())
    config.pop("transformers_version", None)
    if old_keys:
        rope = config.pop("rope_parameters")
        config["rope_theta"] = rope.pop("rope_theta")
        kind = rope.pop("rope_type")
        config["rope_scaling"] = None if kind == "default" else dict(type=kind, **rope)
        config["torch_dtype"] = config.pop("dtype")
        usual = dict(
            head_dim=config["hidden_size"] // config["num_attention_heads"],
            num_key_value_heads=config["num_attention_heads"], attention_bias=False, mlp_bias=False)
        for key, value in usual.items():
            if config[key] == value:
                config.pop(key)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    for file in folder.iterdir():
        file.chmod(0o644)


def make_rows(seed):
    """Lengths from one token to a dozen, on both sides; a prompt that comes twice; responses with shared beginnings."""
    draw = random.Random(seed)
    ids = lambda count: [draw.randrange(1, VOCABULARY) for _ in range(count)]
    lengths = [(5, 4, 6), (1, 3, 2), (9, 1, 5), (14, 12, 1), (3, 7, 7), (1, 1, 1), (6, 9, 3), (6, 2, 10)]
    rows = [dict(prompt_ids=ids(p), chosen_ids=ids(c) + [0], rejected_ids=ids(r) + [0]) for p, c, r in lengths]
    rows[5]["chosen_ids"], rows[5]["rejected_ids"] = [17], [18]  # one token each, no end of sequence
    rows[7]["prompt_ids"] = list(rows[6]["prompt_ids"])
    rows[4]["rejected_ids"][:3] = rows[4]["chosen_ids"][:3]
    rows[3]["rejected_ids"] = rows[3]["chosen_ids"][:5]  # a proper beginning of the other response
    rows[0]["prompt_ids"][2] = rows[0]["prompt_ids"][1]
    for row in rows:
        row["scores_chosen"] = dict(helpful=round(draw.uniform(-2, 2), 3), brief=-len(row["chosen_ids"]))
        row["scores_rejected"] = dict(helpful=round(draw.uniform(-2, 2), 3), brief=-len(row["rejected_ids"]))
    return rows


def objective_goldens(policy, rows, logps, reference_sums, settings, with_gradients):
    """(losses, ∂/∂ sums per row, gradients of the mean loss or None)."""
    loss_of = OBJECTIVES[settings["loss_type"]]
    losses, d_chosen, d_rejected = [], [], []
    for i, row in enumerate(rows):
        margins = {
            name: (row["scores_chosen"][m["column"]], row["scores_rejected"][m["column"]])
            for name, m in settings.get("margins", {}).items()
        }
        w, l = logps["chosen"][i], logps["rejected"][i]
        loss = loss_of(w, l, reference_sums["chosen"][i], reference_sums["rejected"][i], margins, settings)
        # Every objective reaches a response through its sum alone, so each of its tokens has the same derivative.
        dw, dl = torch.autograd.grad(loss, [w, l], retain_graph=True, allow_unused=True)
        d_chosen.append(float(dw[0]))
        d_rejected.append(0.0 if dl is None else float(dl[0]))
        losses.append(loss)
    gradients = None
    if with_gradients:
        names = list(policy.weights)
        values = torch.autograd.grad(
            torch.stack(losses).mean(), [policy.weights[n] for n in names], retain_graph=True)
        gradients = dict(zip(names, values))
    return losses, d_chosen, d_rejected, gradients


def check_against_transformers(name, rows, logps):
    """Our float64 logps and those of the model class of transformers in float32 must agree to float32 rounding."""
    model = LlamaForCausalLM.from_pretrained(HERE / "models" / name, dtype=torch.float32)
    worst = 0.0
    for i, row in enumerate(rows):
        for side in ("chosen", "rejected"):
            ids = row["prompt_ids"] + row[side + "_ids"]
            with torch.no_grad():
                rows32 = model(torch.tensor([ids])).logits[0, len(row["prompt_ids"]) - 1 : -1].log_softmax(-1)
            theirs = rows32.gather(1, torch.tensor(row[side + "_ids"])[:, None])[:, 0]
            worst = max(worst, float((theirs - logps[side][i].detach()).abs().max()))
    print(f"{name}: worst difference from transformers in float32: {worst:.1e} nats")
    assert worst < 5e-5, worst


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--check", action="store_true", help="write nothing, compare with what is here")
    check = arguments.parse_args().check
    torch.manual_seed(0)
    if not check:
        for seed, (name, shape) in enumerate(SHAPES.items()):
            model = random_model(shape, VOCABULARY, STORED.get(name, torch.float32), seed)
            old = name == "mha-sharded"
            save_model(model, HERE / "models" / name, shard_size="20KB" if old else "1GB", old_keys=old)
    for seed, name in enumerate(SHAPES):
        rows = make_rows(100 + seed)
        policy, reference = DoubleDecoder(HERE / "models" / name), DoubleDecoder(HERE / "models" / REFERENCE[name])
        logps = {
            which: {s: [m.logps(row["prompt_ids"], row[s + "_ids"]) for row in rows] for s in ("chosen", "rejected")}
            for which, m in (("policy", policy), ("reference", reference))
        }
        check_against_transformers(name, rows, logps["policy"])
        plain = {w: {s: [t.tolist() for t in logps[w][s]] for s in logps[w]} for w in logps}
        sums = {w: {s: [t.sum().item() for t in logps[w][s]] for s in logps[w]} for w in logps}
        golden = dict(
            model=f"models/{name}", reference=f"models/{REFERENCE[name]}", rows=f"{name}.jsonl", logps=plain, sums=sums,
            objectives=[])
        for objective, settings in SETTINGS.items():
            wanted = objective in GRADIENTS[name]
            losses, d_chosen, d_rejected, gradients = objective_goldens(
                policy, rows, logps["policy"], sums["reference"], settings, wanted)
            file = f"{name}.{objective}.safetensors" if wanted else None
            golden["objectives"].append(dict(
                name=objective, settings=settings, loss=torch.stack(losses).mean().item(),
                losses=[x.item() for x in losses], d_chosen=d_chosen, d_rejected=d_rejected, gradients=file))
            if wanted:
                quiet = [n for n, g in gradients.items() if float(g.abs().max()) < 1e-6]
                assert not quiet, f"{name} {objective}: nothing flows into {quiet}"
                rounded = {n: g.float().contiguous() for n, g in gradients.items()}
                if check:
                    stored = load_file(str(HERE / file))
                    assert stored.keys() == rounded.keys()
                    assert all(torch.allclose(stored[n], rounded[n]) for n in rounded)
                else:
                    save_file(rounded, str(HERE / file))
                    (HERE / file).chmod(0o644)
        text = json.dumps(golden, separators=(",", ":"), sort_keys=False) + "\n"
        lines = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
        if check:
            assert (HERE / f"{name}.jsonl").read_text() == lines, f"{name}.jsonl is not what this script makes"
            stored = json.loads((HERE / f"{name}.json").read_text())
            for a, b in zip(stored["objectives"], golden["objectives"], strict=True):
                assert abs(a["loss"] - b["loss"]) < 1e-12, (name, a["name"])
        else:
            (HERE / f"{name}.json").write_text(text)
            (HERE / f"{name}.jsonl").write_text(lines)
        print(f"{name}: " + ", ".join(f"{o['name']} {o['loss']:.4f}" for o in golden["objectives"]))


if __name__ == "__main__":
    main()
