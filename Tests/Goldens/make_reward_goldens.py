"""make_reward_goldens.py: what float64 torch computes of the checkpoints of every family under the head of a reward model.

    python make_reward_goldens.py            # needs torch, transformers, safetensors; after make_family_goldens.py

families/<name>/reward.safetensors
  score.weight                             the head, float32
  rewards                                  [rows, 2], float64, of the rows of golden.safetensors
  gradient.<tensor>                        ∂/∂tensor of Σ rows, responses d · r, float32, with d = 0.3 + 0.1 row for chosen
                                           and −0.4 for rejected responses; of the tensors that KEPT speaks of

The truth is transformers' own class, …ForSequenceClassification, with attention computed eagerly in float64.
"""
import copy
import pathlib

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForSequenceClassification

HERE = pathlib.Path(__file__).resolve().parent
KEPT = ("score.weight", "norm.weight", "ln_f.weight", "final_layer_norm.weight", "layers.0.self_attn.o_proj.weight",
        "h.0.attn.c_proj.weight", "layers.0.attention.dense.weight")


def reward_model(folder, seed):
    config = AutoConfig.from_pretrained(folder, num_labels=1, attn_implementation="eager", dtype="float64")
    config.pad_token_id = None
    model = AutoModelForSequenceClassification.from_pretrained(folder, config=config, dtype=torch.float64).eval()
    torch.manual_seed(seed)
    with torch.no_grad():
        model.score.weight.copy_((torch.randn(model.score.weight.shape) * 0.5).float().double())
    return model


def main():
    for seed, folder in enumerate(sorted(HERE.glob("families/*/model"))):
        golden = load_file(folder.parent / "golden.safetensors")
        model = reward_model(folder, seed)
        # Dynamic frequencies remember the longest text so far: each text gets them fresh.
        fresh = copy.deepcopy(getattr(model.base_model, "rotary_emb", None))
        rewards, total, row = [], 0, 0
        while f"ids.{row}.prompt" in golden:
            pair = []
            for side, d in ("chosen", 0.3 + 0.1 * row), ("rejected", -0.4):
                ids = torch.cat([golden[f"ids.{row}.prompt"], golden[f"ids.{row}.{side}"]]).long()
                if fresh is not None:
                    model.base_model.rotary_emb = copy.deepcopy(fresh)
                r = model(ids[None]).logits[0, 0]
                total = total + d * r
                pair.append(r.detach())
            rewards.append(torch.stack(pair))
            row += 1
        total.backward()
        out = {"score.weight": model.score.weight.detach().float(), "rewards": torch.stack(rewards)}
        for name, parameter in model.named_parameters():
            if name.endswith(KEPT):
                out["gradient." + name] = parameter.grad.float().contiguous()
        save_file(out, folder.parent / "reward.safetensors")
        print(folder.parent.name, row, [k for k in out if k.startswith("gradient")])


main()
