"""Writes quantized_updates.json: bitsandbytes' maps of eight-bit numbers, and AdamW updates with them on the CPU.

Made with bitsandbytes 0.50.2 and torch 2.13: python make_quantized_updates.py
"""

import json
import pathlib

import bitsandbytes
import bitsandbytes.backends.cpu.ops
import torch
from bitsandbytes.functional import create_dynamic_map

COUNT, STEPS = 520, 4
SETTINGS = {"rate": 1e-2, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "decay": 0.1}


def quantize(x, code, scales, codes, length):
    """The nearest code, as on GPUs. The CPU library's own search misses it below 1e-3 of a scale, by up to seven codes."""
    borders = (code[:-1] + code[1:]) / 2
    for block, start in enumerate(range(0, x.numel(), length)):
        part = x[start:start + length]
        scales[block] = part.abs().max()
        codes[start:start + length] = torch.bucketize(part / scales[block], borders).to(torch.uint8)


bitsandbytes.backends.cpu.ops._quant_blockwise_fp32_direct = quantize

torch.manual_seed(3)
start = torch.randn(COUNT)
# Magnitudes over two decades, and in the second block much smaller ones: scales are a block's own. (Below 4e-4 of a block's
# largest the second moment would be kept as 0 there, which we don't do.)
gradients = torch.randn(STEPS, COUNT).sign() * 10 ** (-2 * torch.rand(STEPS, COUNT))
gradients[:, 256:512] *= 1e-4

weights = torch.nn.Parameter(start.clone())
optimizer = bitsandbytes.optim.AdamW8bit(
    [weights], lr=SETTINGS["rate"], betas=(SETTINGS["beta1"], SETTINGS["beta2"]), eps=SETTINGS["epsilon"],
    weight_decay=SETTINGS["decay"], min_8bit_size=1)
after = []
for gradient in gradients:
    weights.grad = gradient.clone()
    optimizer.step()
    state = optimizer.state[weights]
    after.append({
        "weights": weights.detach().tolist(),
        "codes": [state["state1"].tolist(), state["state2"].tolist()],
        "scales": [state["absmax1"].tolist(), state["absmax2"].tolist()],
    })


def rounded(value):
    """Eight digits of a number are enough to tell two float32 numbers apart but for the last place."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.8g}") if isinstance(value, float) else value


content = {
    "maps": {"signed": create_dynamic_map(True).tolist(), "unsigned": create_dynamic_map(False).tolist()},
    "settings": SETTINGS, "start": start.tolist(), "gradients": gradients.tolist(), "after": after,
}
path = pathlib.Path(__file__).with_name("quantized_updates.json")
path.write_text(json.dumps(rounded(content), separators=(",", ":")) + "\n")
