"""make_family_goldens.py: tiny checkpoints of every family with random weights and what float64 torch computes of them.

    python make_family_goldens.py            # needs torch, transformers, safetensors

families/<name>/model/          a Hugging Face model directory (float16, so that the folder stays small)
families/<name>/golden.safetensors
  ids.<row>.prompt, .chosen, .rejected     token ids
  logps.<row>.chosen, .rejected            per-token logps, float64
  gradient.<tensor>                        ∂/∂tensor of Σ rows, responses d · Σ logps, float16 times `scale.<tensor>`,
                                           with d = 0.3 + 0.1 row for chosen and −0.4 for rejected responses

The truth is double_decoder.py, which is checked here against the model classes of transformers.
"""
import pathlib
import random
import shutil

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from double_decoder import DoubleDecoder
from family_shapes import build

HERE = pathlib.Path(__file__).resolve().parent
NAMES = ["mistral-window", "qwen2-yarn", "qwen3", "gpt2", "gpt-neox", "gemma", "gemma2", "phi3-longrope", "olmo2",
         "smollm3-window", "llama-dynamic"]
VOCABULARY = 19
# Smaller than the shapes are, so that the folder stays small.
CHANGES = {"gpt2": dict(n_positions=24, n_inner=12), "smollm3-window": dict(num_hidden_layers=2)}
LENGTHS = [(3, 4, 5), (7, 2, 9), (9, 11, 4)]


def check(model, decoder, ids):
    with torch.no_grad():
        theirs = model(torch.tensor([ids])).logits[0].log_softmax(-1)
        worst = (theirs - decoder.logits(ids).log_softmax(-1)).abs().max().item()
    assert worst < 1e-4, worst


def main():
    shutil.rmtree(HERE / "families", ignore_errors=True)
    for seed, name in enumerate(NAMES):
        folder = HERE / "families" / name
        build(name, folder / "model", seed=seed, dtype=torch.float16, vocabulary=VOCABULARY,
              **dict({} if name == "gpt2" else dict(intermediate_size=12), **CHANGES.get(name, {})))
        decoder = DoubleDecoder(folder / "model")
        draw = random.Random(seed)
        stored, total = {}, 0
        for row, lengths in enumerate(LENGTHS):
            prompt, chosen, rejected = ([draw.randrange(VOCABULARY) for _ in range(n)] for n in lengths)
            stored[f"ids.{row}.prompt"] = torch.tensor(prompt, dtype=torch.int32)
            for side, ids, d in (("chosen", chosen, 0.3 + 0.1 * row), ("rejected", rejected, -0.4)):
                model = AutoModelForCausalLM.from_pretrained(
                    folder / "model", dtype=torch.float32, attn_implementation="eager")
                check(model, decoder, prompt + ids)
                logps = decoder.logps(prompt, ids)
                stored[f"ids.{row}.{side}"] = torch.tensor(ids, dtype=torch.int32)
                stored[f"logps.{row}.{side}"] = logps.detach()
                total = total + d * logps.sum()
        names = list(decoder.weights)
        for key, gradient in zip(names, torch.autograd.grad(total, [decoder.weights[n] for n in names])):
            scale = gradient.abs().max().clamp(min=1e-30)
            stored["gradient." + key] = (gradient / scale).half().contiguous()
            stored["scale." + key] = scale.reshape(1)
        save_file(stored, str(folder / "golden.safetensors"))
        for file in [*folder.rglob("*.*")]:
            file.chmod(0o644)
        print(name, sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) // 1024, "KB")


if __name__ == "__main__":
    main()
