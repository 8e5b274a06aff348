"""Random tiny checkpoints, rows and run settings for compare_with_torch.py: everything from one seed."""
import json
import pathlib
import random
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Goldens"))

from make_model_goldens import random_model, save_model  # noqa: E402


def random_rope(draw):
    theta = draw.choice([50.0, 500.0, 10000.0, 500000.0])
    kind = draw.choice(["default", "linear", "llama3"])
    if kind == "default":
        return dict(rope_type=kind, rope_theta=theta)
    if kind == "linear":
        return dict(rope_type=kind, rope_theta=theta, factor=draw.choice([2.0, 3.5, 8.0]))
    return dict(rope_type=kind, rope_theta=theta, factor=draw.choice([2.0, 8.0, 32.0]), low_freq_factor=1.0,
                high_freq_factor=draw.choice([2.0, 4.0]), original_max_position_embeddings=draw.choice([8, 32, 128]))


def random_shape(draw):
    groups = draw.choice([1, 2, 3])
    heads = groups * draw.choice([1, 2, 4])
    head_width = draw.choice([2, 4, 6, 8, 10, 16, 20])
    shape = dict(
        # transformers insists on D being a multiple of H even where the head width is given.
        hidden_size=heads * draw.choice([2, 3, 5, 8]), intermediate_size=draw.randrange(3, 70),
        num_attention_heads=heads, num_key_value_heads=groups, head_dim=head_width,
        num_hidden_layers=draw.randrange(1, 5),
        tie_word_embeddings=draw.random() < 0.5, attention_bias=draw.random() < 0.4, mlp_bias=draw.random() < 0.3,
        rms_norm_eps=draw.choice([1e-6, 1e-5]), rope_parameters=random_rope(draw))
    return shape


def make(seed, folder):
    """Writes a policy and a reference of another shape with the same vocabulary; gives the case."""
    draw = random.Random(seed)
    vocabulary = draw.choice([5, 31, 97, 128, 301])
    stored = [torch.float32, torch.float32, torch.bfloat16, torch.float16]
    for role in ("policy", "reference"):
        shape, dtype, shard = random_shape(draw), draw.choice(stored), draw.choice(["1GB", "20KB"])
        model = random_model(shape, vocabulary, dtype, seed=draw.randrange(1 << 30))
        save_model(model, folder / role, shard_size=shard, old_keys=draw.random() < 0.3)
    longest = draw.choice([3, 12, 40])
    ids = lambda: [draw.randrange(vocabulary) for _ in range(draw.randrange(1, longest + 1))]
    rows, count, prompt = [], draw.randrange(1, 14), None
    while len(rows) < count:
        prompt = prompt if prompt and draw.random() < 0.25 else ids()
        row = dict(prompt_ids=prompt, chosen_ids=ids(), rejected_ids=ids())
        if draw.random() < 0.2:
            row["rejected_ids"] = row["chosen_ids"] + row["rejected_ids"]
        for side in ("chosen", "rejected"):
            row["scores_" + side] = dict(quality=round(draw.gauss(0, 2), 3))
        if row["chosen_ids"] != row["rejected_ids"]:
            rows.append(row)
    settings = dict(gradient_checkpointing=draw.random() < 0.5, threads_per_rank=draw.choice([1, 2]))
    if draw.random() < 0.6:
        settings["micro_batch_tokens"] = max(draw.choice([16, 50, 200]), 4 * longest)
    config = json.loads((folder / "policy/config.json").read_text())
    told = ", ".join(f"{k.split('_')[-1]} {v}" for k, v in settings.items())
    width = config["hidden_size"]
    print(f"seed {seed}: V {vocabulary}, D {width}, {count} rows up to {longest} tokens, {told}", flush=True)
    return dict(name=f"random-{seed}", model=folder / "policy", reference=folder / "reference", rows=rows,
                settings=settings, ranks=sorted({1, draw.choice([2, 3])}))
