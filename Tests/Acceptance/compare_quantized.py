"""compare_quantized.py BINARY: adapters on GPTQ, int8 and NF4 bases, against the same weights as floats.

For each kind a tiny model whose linear matrices are quantised here, and a second folder with the float32 values that they
stand for. Adapters of PEFT's, LoRA and DoRA, are trained for one DPO step on both by the binary, and computed by PEFT in
float64:

    equal      whether logps and gradients on the quantised base have every bit of those on the float32 one
    logps      |a − b| against float64          limit 2e-4 nats
    gradient   max |a − b| / max |b|            limit 2e-4
    merged     |a − b| of logps of `merge` from the quantised base, opened by transformers      limit 2e-4

Exit status 1 when one fails. Needs torch, transformers, peft, safetensors and PyYAML.
"""
import itertools
import json
import pathlib
import shutil
import sys
import tempfile

import numpy as np
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Goldens"))

from binary_runs import dumped_steps, start, train  # noqa: E402
from compare_adapters import BETA, LIMIT, logps, make_adapter, plain_name, rows_of_ids  # noqa: E402
from family_shapes import SHAPES, build  # noqa: E402

SHAPES["quantized"] = ("llama", dict(
    hidden_size=64, intermediate_size=96, num_attention_heads=4, num_key_value_heads=2, num_hidden_layers=2))
# bitsandbytes' sixteen numbers of NF4.
LEVELS = np.array([
    -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1], np.float32)


def packed(values, bits):
    """Words along the first axis, lowest bits first."""
    per_word = 32 // bits
    groups = values.astype(np.uint64).reshape(values.shape[0] // per_word, per_word, -1)
    shifts = (np.arange(per_word, dtype=np.uint64) * np.uint64(bits))[None, :, None]
    return (groups << shifts).sum(axis=1).astype(np.uint32).view(np.int32)


def gptq(matrix, kind, draw):
    """(the tensors of a matrix [outputs, inputs], the float32 values they stand for)"""
    bits, (outputs, inputs) = kind["bits"], matrix.shape
    size = inputs if kind["group"] == -1 else kind["group"]
    g_idx = np.arange(inputs) // size
    if kind["ordered"]:
        g_idx = g_idx[draw.permutation(inputs)]
    groups, top = inputs // size, 2**bits - 1
    scales, zeros = np.zeros((groups, outputs), np.float16), np.zeros((groups, outputs), np.int64)
    numbers = np.zeros((inputs, outputs), np.int64)
    for g in range(groups):
        part = matrix[:, g_idx == g].T
        low, high = np.minimum(part.min(0), 0), np.maximum(part.max(0), 0)
        if kind["sym"]:
            high = np.maximum(high, -low)
            low = -high
        scales[g] = ((high - low) / top).astype(np.float16)
        zeros[g] = (top + 1) // 2 if kind["sym"] else np.rint(-low / scales[g]).clip(1, top)
        numbers[g_idx == g] = (np.rint(part / scales[g].astype(np.float32)) + zeros[g]).clip(0, top)
    wide = scales.astype(np.float32)[g_idx] * (numbers - zeros[g_idx]).astype(np.float32)
    tensors = dict(
        qweight=torch.tensor(packed(numbers, bits)), qzeros=torch.tensor(packed(zeros.T - 1, bits).T.copy()),
        scales=torch.tensor(scales), g_idx=torch.tensor(g_idx.astype(np.int32)))
    return tensors, np.ascontiguousarray(wide.T)


def int8(matrix):
    scale = (np.abs(matrix).max(1, keepdims=True) / np.float32(127)).astype(np.float32)
    return np.rint(matrix / scale).clip(-127, 127).astype(np.float32) * scale


def scale_numbers():
    """What the byte of an NF4 scale stands for: dynamic numbers (arXiv 2110.02861), rounded once."""
    ends = [np.linspace(0.1, 1, 2**i + 1) for i in range(7)]
    positive = np.concatenate([(e[:-1] + e[1:]) / 2 * 10.0 ** (i - 6) for i, e in enumerate(ends)])
    return np.sort(np.concatenate([positive, -positive, [0, 1]])).astype(np.float32)


def nf4(matrix):
    blocks = matrix.reshape(-1, 64)
    scales = np.abs(blocks).max(1)
    codes = np.abs((blocks / scales[:, None])[:, :, None] - LEVELS).argmin(2)
    mean, numbers = np.float32(scales.astype(np.float64).mean()), scale_numbers()
    for start in range(0, len(scales), 256):
        part = scales[start : start + 256] - mean
        outer = np.abs(part).max()
        scales[start : start + 256] = numbers[np.abs((part / outer)[:, None] - numbers).argmin(1)] * outer + mean
    return (LEVELS[codes] * scales[:, None]).reshape(matrix.shape)


# How GPTQ packs, or what the binary does to a matrix when it reads it.
KINDS = {
    "gptq-4": dict(bits=4, group=32, ordered=False, sym=True),
    "gptq-4-act": dict(bits=4, group=32, ordered=True, sym=False),
    "gptq-8": dict(bits=8, group=-1, ordered=False, sym=False),
    "int8": int8,
    "nf4": nf4,
}
KEYS = {"int8": "load_in_8bit", "nf4": "load_in_4bit"}


def quantize(base, quantized, floats, kind):
    """Writes the two folders."""
    draw = np.random.default_rng(5)
    tensors, wide = {}, {}
    for name, tensor in load_file(base / "model.safetensors").items():
        if "_proj.weight" not in name:
            tensors[name] = wide[name] = tensor
            continue
        matrix = tensor.numpy().astype(np.float32)
        if callable(kind):
            tensors[name], values = tensor, kind(matrix)
        else:
            parts, values = gptq(matrix, kind, draw)
            tensors |= {name.removesuffix("weight") + part: value for part, value in parts.items()}
        wide[name] = torch.tensor(values)
    for folder, content in ((quantized, tensors), (floats, wide)):
        shutil.copytree(base, folder)
        save_file(content, folder / "model.safetensors", metadata={"format": "pt"})
    if not callable(kind):
        config = json.loads((quantized / "config.json").read_text())
        config["quantization_config"] = dict(
            quant_method="gptq", bits=kind["bits"], group_size=kind["group"], desc_act=kind["ordered"], sym=kind["sym"],
            checkpoint_format="gptq")
        (quantized / "config.json").write_text(json.dumps(config))


def run(binary, folder, base, adapter, rows, extra):
    folder.mkdir()
    train(binary, folder, dict(
        model_name_or_path=str(base), adapter_name_or_path=str(adapter), ref_model_name_or_path=str(base),
        train_file=str(rows),
        output_dir=str(folder / "out"), loss_type="sigmoid", beta=BETA, global_batch_size=6, max_steps=1,
        learning_rate=0.0, reference_cache=str(folder / "cache"), debug_dump=str(folder / "dump"), **extra))
    _, gradients, pairs = dumped_steps(folder / "dump")[0]
    return gradients, sorted(pairs, key=lambda pair: pair["index"])


def compare(binary, name, adaptation, folder):
    kind = KINDS[name]
    base, quantized, floats, adapter = (folder / part for part in ("base", "quantized", "floats", "adapter"))
    build("quantized", base, seed=3)
    quantize(base, quantized, floats, kind)
    make_adapter(floats, adaptation, adapter)
    rows = rows_of_ids(folder / "rows.jsonl")
    extra = {KEYS[name]: True} if name in KEYS else {}
    ours, pairs = run(binary, folder / "on-quantized", quantized, adapter, folder / "rows.jsonl", extra)
    wide, wide_pairs = run(binary, folder / "on-floats", floats, adapter, folder / "rows.jsonl", {})
    equal = pairs == wide_pairs and all(torch.equal(ours[n], wide[n]) for n in wide) and set(ours) == set(wide)

    model = AutoModelForCausalLM.from_pretrained(floats, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, adapter, is_trainable=True).double().eval()
    merged_from = floats if name in KEYS else quantized
    start(binary, ["merge", "--model", merged_from, "--adapter", adapter, "--output", folder / "merged", "--dtype", "float32"])
    merged = AutoModelForCausalLM.from_pretrained(folder / "merged", dtype=torch.float32).double().eval()
    worst, total = dict(logps=0.0, gradient=0.0, merged=0.0), 0.0
    for row, pair in zip(rows, pairs):
        sums = {}
        for side in ("chosen", "rejected"):
            sums[side] = logps(model, row["prompt_ids"], row[side + "_ids"]).sum()
            with torch.no_grad():
                again = logps(merged, row["prompt_ids"], row[side + "_ids"]).sum().item()
                with model.disable_adapter():
                    sums["reference_" + side] = logps(model, row["prompt_ids"], row[side + "_ids"]).sum()
            worst["merged"] = max(worst["merged"], abs(again - sums[side].item()))
            for role, theirs in (("policy_", sums[side]), ("reference_", sums["reference_" + side])):
                worst["logps"] = max(worst["logps"], abs(pair[f"{role}{side}_logps"] - theirs.item()))
        ratio = sums["chosen"] - sums["rejected"] - sums["reference_chosen"] + sums["reference_rejected"]
        total = total - torch.nn.functional.logsigmoid(BETA * ratio) / len(rows)
    total.backward()
    for parameter, value in model.named_parameters():
        if value.requires_grad:
            difference = (ours[plain_name(parameter)].double() - value.grad).abs().max() / value.grad.abs().max()
            worst["gradient"] = max(worst["gradient"], difference.item())
    return equal, worst


if __name__ == "__main__":
    failed = False
    for name, adaptation in itertools.product(KINDS, ("all-linear", "dora")):
        with tempfile.TemporaryDirectory() as folder:
            equal, worst = compare(sys.argv[1], name, adaptation, pathlib.Path(folder))
        bad = not equal or any(not value <= LIMIT for value in worst.values())
        failed |= bad
        figures = "  ".join(f"{what} {value:.1e}" for what, value in worst.items())
        print(f"{name:12} {adaptation:12} equal {equal}  {figures}{'  OVER' if bad else ''}", flush=True)
    sys.exit(1 if failed else 0)
