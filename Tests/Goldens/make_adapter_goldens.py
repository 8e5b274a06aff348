"""make_adapter_goldens.py: PEFT adapters on small models, quantised ones too, and what PEFT computes in float64.

    python make_adapter_goldens.py            # needs torch, transformers, peft, safetensors

Of the rows of gqa-untied.jsonl, for each kind, adapters/<kind>.json: logps with the adapter and without, and each
pair's DPO loss at beta 0.1; adapters/<kind>.safetensors: the gradient of the mean loss.

all-linear, dora   adapters/<kind>/ (random values, as save_pretrained leaves them) on models/gqa-untied
gptq, gptq-act     the same on models/<kind>/, checkpoints in GPTQ's files of 4 bits: symmetric groups of 16 in the
                   order of the inputs; groups of 16 with zero points in the order of activations (desc_act). What
                   torch computes with is read back from those files by `unpacked`, which knows nothing of how they
                   were made
nf4, int8          adapters/all-linear on what load_in_4bit and load_in_8bit make of models/gqa-untied: the arithmetic
                   of QLoRA (arXiv 2305.14314) and of one scale per row, written here in float64
"""
import json
import pathlib
import shutil
import statistics
import sys
import tempfile

import numpy as np
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Acceptance"))

from compare_adapters import BETA, logps, make_adapter, plain_name  # noqa: E402
from compare_quantized import quantize  # noqa: E402
from family_shapes import SHAPES, build  # noqa: E402

BASE = HERE / "models" / "gqa-untied"
ROWS = [json.loads(line) for line in open(HERE / "gqa-untied.jsonl")]
GPTQ = {
    "gptq": dict(bits=4, group=16, ordered=False, sym=True),
    "gptq-act": dict(bits=4, group=16, ordered=True, sym=False),
}
SHAPES["small"] = ("llama", dict(
    hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=2, num_hidden_layers=2))


def is_linear(name):
    return name.endswith("_proj.weight")


# Quantised matrices, in float64


def unpacked(tensors, module, bits=4):
    """The matrix [outputs, inputs] of a module in GPTQ's files (checkpoint_format gptq)."""
    part = lambda name: tensors[f"{module}.{name}"].numpy()
    qweight, qzeros = part("qweight").view(np.uint32), part("qzeros").view(np.uint32)
    per_word, mask = 32 // bits, 2**bits - 1
    inputs, outputs = qweight.shape[0] * per_word, qweight.shape[1]
    matrix = np.empty((outputs, inputs))
    for i in range(inputs):
        g = part("g_idx")[i]
        for o in range(outputs):
            number = int(qweight[i // per_word, o]) >> bits * (i % per_word) & mask
            zero = (int(qzeros[g, o // per_word]) >> bits * (o % per_word) & mask) + 1
            matrix[o, i] = float(part("scales")[g, o]) * (number - zero)
    return matrix


def normal_float_levels():
    """0, eight quantiles of N(0, 1) above it and seven below, scaled to ±1 (section 3 and appendix E). The outermost
    ones leave out half a part, of fifteen and sixteen parts on average."""
    quantile = statistics.NormalDist().inv_cdf
    end = 1 - (1 / 30 + 1 / 32) / 2
    above = [quantile(p) for p in np.linspace(end, 0.5, 9)[:-1]]
    below = [-quantile(p) for p in np.linspace(end, 0.5, 8)[:-1]]
    levels = np.sort(np.array(above + below + [0.0]))
    return levels / levels.max()


def dynamic_numbers():
    """8-bit dynamic numbers (arXiv 2110.02861): a sign, zeros that count decades, a one, a fraction in [0.1, 1]."""
    numbers = [0.0, 1.0]
    for bits in range(7):
        ends = np.linspace(0.1, 1, 2**bits + 1)
        for middle in (ends[:-1] + ends[1:]) / 2 * 10.0 ** (bits - 6):
            numbers += [middle, -middle]
    return np.sort(np.array(numbers))


def nearest(values, numbers):
    """The nearest number to each value; none may lie between two within what float32 can decide otherwise."""
    distances = np.abs(values[:, None] - numbers[None, :])
    order = np.sort(distances, axis=1)
    assert (order[:, 1] - order[:, 0] > 2e-7).all()
    return numbers[distances.argmin(1)]


def nf4(matrix):
    flat = matrix.astype(np.float64).ravel()
    assert flat.size % 64 == 0
    blocks = flat.reshape(-1, 64)
    scales = np.abs(blocks).max(1)
    codes = nearest((blocks / scales[:, None]).ravel(), normal_float_levels()).reshape(blocks.shape)
    # Double quantisation: the scales less their mean, in blocks of 256.
    mean = scales.mean()
    for start in range(0, scales.size, 256):
        part = scales[start : start + 256] - mean
        outer = np.abs(part).max()
        scales[start : start + 256] = nearest(part / outer, dynamic_numbers()) * outer + mean
    return (codes * scales[:, None]).reshape(matrix.shape)


def int8(matrix):
    wide = matrix.astype(np.float64)
    steps = np.abs(wide).max(1, keepdims=True) / 127
    numbers = wide / steps
    assert (np.abs(numbers % 1 - 0.5) > 1e-5).all()
    return np.rint(numbers) * steps


def of_floats(source, quantized, folder):
    """A copy of a model whose linear matrices are what they stand for once quantised, rounded to float32."""
    shutil.copytree(source, folder)
    tensors = load_file(source / "model.safetensors")
    for name in filter(is_linear, list(tensors)):
        tensors[name] = torch.tensor(quantized(tensors[name].float().numpy())).float()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def of_gptq(source, folder):
    """The same of a checkpoint in GPTQ's files."""
    folder.mkdir()
    config = json.loads((source / "config.json").read_text())
    del config["quantization_config"]
    (folder / "config.json").write_text(json.dumps(config))
    tensors = load_file(source / "model.safetensors")
    plain = {name: tensor for name, tensor in tensors.items() if "_proj." not in name}
    for module in {name.rsplit(".", 1)[0] for name in tensors if "_proj." in name}:
        plain[module + ".weight"] = torch.tensor(unpacked(tensors, module)).float()
    save_file(plain, folder / "model.safetensors", metadata={"format": "pt"})


def make_gptq(kind, temporary):
    """Writes models/<kind>/."""
    folder, base = HERE / "models" / kind, temporary / f"{kind}-base"
    shutil.rmtree(folder, ignore_errors=True)
    build("small", base, seed=3, dtype=torch.float16, vocabulary=97)
    quantize(base, folder, temporary / f"{kind}-floats", GPTQ[kind])
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    for file in folder.iterdir():
        file.chmod(0o644)


# Adapters and what PEFT computes with them


def adapter(base, kind, folder):
    shutil.rmtree(folder, ignore_errors=True)
    make_adapter(base, kind, folder)
    (folder / "README.md").unlink(missing_ok=True)
    config = json.loads((folder / "adapter_config.json").read_text())
    # The tests name the base themselves. PEFT writes a set in any order.
    config["base_model_name_or_path"] = None
    config["target_modules"] = sorted(config["target_modules"])
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def golden(base, folder, name):
    """Writes adapters/<name>.json and .safetensors of an adapter on a model of floats."""
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, folder, is_trainable=True).double().eval()
    result, total = [], 0.0
    for row in ROWS:
        sums = {}
        for side in ("chosen", "rejected"):
            sums[side] = logps(model, row["prompt_ids"], row[side + "_ids"]).sum()
            with torch.no_grad(), model.disable_adapter():
                sums["reference_" + side] = logps(model, row["prompt_ids"], row[side + "_ids"]).sum()
        ratio = sums["chosen"] - sums["rejected"] - sums["reference_chosen"] + sums["reference_rejected"]
        loss = -torch.nn.functional.logsigmoid(BETA * ratio)
        total = total + loss / len(ROWS)
        result.append(dict({name: value.item() for name, value in sums.items()}, loss=loss.item()))
    total.backward()
    gradients = {plain_name(n): p.grad.float() for n, p in model.named_parameters() if p.requires_grad}
    save_file(gradients, HERE / "adapters" / f"{name}.safetensors")
    (HERE / "adapters" / f"{name}.json").write_text(json.dumps(dict(loss=total.item(), rows=result), indent=1) + "\n")
    print(name, len(gradients), "tensors, loss", total.item())


def main():
    for kind in ("all-linear", "dora"):
        adapter(BASE, kind, HERE / "adapters" / kind)
        golden(BASE, HERE / "adapters" / kind, kind)
    with tempfile.TemporaryDirectory() as folder:
        temporary = pathlib.Path(folder)
        for kind in GPTQ:
            make_gptq(kind, temporary)
            of_gptq(HERE / "models" / kind, temporary / kind)
            # What was packed and what is read back.
            packed = load_file(temporary / f"{kind}-floats" / "model.safetensors")
            for name, tensor in load_file(temporary / kind / "model.safetensors").items():
                assert torch.equal(tensor, packed[name].to(tensor.dtype)), name
            adapter(temporary / kind, "all-linear", HERE / "adapters" / kind)
            golden(temporary / kind, HERE / "adapters" / kind, kind)
        for name, quantized in (("nf4", nf4), ("int8", int8)):
            of_floats(BASE, quantized, temporary / name)
            golden(temporary / name, HERE / "adapters" / "all-linear", name)
    for file in (HERE / "adapters").rglob("*.*"):
        file.chmod(0o644)


if __name__ == "__main__":
    main()
