"""make_quantized_goldens.py: writes quantized/: matrices in GPTQ's files, and what bitsandbytes makes of float ones.

    python make_quantized_goldens.py    # needs torch, safetensors, bitsandbytes (its CPU build)

Same bytes every time; all numbers random, all our own. Each folder of quantized/ is a model directory of one matrix,
model.layers.0.self_attn.q_proj, with config.json; quantized/goldens.json says for each what the matrix is as float32: the
SHA-256 of its little-endian elements row after row, [outputs, inputs], and its first elements.

GPTQ (folders <bits>-<group size>-…): numbers, zero points and scales are drawn here and packed by our own code from the
published layout (AutoGPTQ's QuantLinear: qweight packs 32 / bits inputs in a word, lowest bits first, qzeros as many
outputs; checkpoint_format gptq stores zero points less one, gptq_v2 as they are). The dequantisation is written from the
numbers before packing, and once more from the packed words as AutoGPTQ's torch path reads them (shift, mask, add one, mask
again, gather by g_idx); both must agree to the bit. No package of GPTQ's is used: they need a GPU to be built.

floats: a bfloat16 matrix. Its NF4 and int8 twins come from bitsandbytes itself, with two of its numbers given to it because
its own depend on the machine's float32 instructions: the table of 256 scale numbers (here in double, rounded once), and the
scales' mean (in double, rounded once); and its search for the nearest scale number is that of its generic code. The int8 value is code · (max / 127), rounded twice; bitsandbytes multiplies by 1/127
last, which is the same to 2e-7.
"""
import hashlib
import json
import pathlib

import bitsandbytes.functional as bnb
import numpy as np
import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent / "quantized"
MODULE = "model.layers.0.self_attn.q_proj"

# name: bits, group size, desc_act, sym, checkpoint_format, type of the scales
CASES = {
    "4-32": (4, 32, False, True, "gptq", torch.float16),
    "4-64-ordered": (4, 64, True, False, "gptq", torch.float16),
    "4-all": (4, -1, False, False, "gptq", torch.float16),
    "4-32-v2": (4, 32, False, False, "gptq_v2", torch.bfloat16),
    "8-32": (8, 32, False, False, "gptq", torch.float16),
    "8-64-ordered": (8, 64, True, True, "gptq", torch.float16),
    "8-all-ordered": (8, -1, True, False, "gptq", torch.float16),
}


def config(width, heads, **more):
    return dict(
        model_type="llama", architectures=["LlamaForCausalLM"], vocab_size=16, hidden_size=width, head_dim=32,
        intermediate_size=32, num_hidden_layers=1, num_attention_heads=heads, num_key_value_heads=1,
        max_position_embeddings=32, rms_norm_eps=1e-6, tie_word_embeddings=True, **more)


def write(name, config, tensors):
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def golden(matrix):
    """Of a float32 array [outputs, inputs]."""
    assert matrix.dtype == np.float32
    flat = np.ascontiguousarray(matrix).astype("<f4")
    return dict(sha256=hashlib.sha256(flat.tobytes()).hexdigest(), first=[float(x) for x in flat.ravel()[:8]])


def packed(values, bits):
    """Words along the first axis, lowest bits first."""
    per_word = 32 // bits
    groups = values.astype(np.uint64).reshape(values.shape[0] // per_word, per_word, -1)
    shifts = (np.arange(per_word, dtype=np.uint64) * np.uint64(bits))[None, :, None]
    return (groups << shifts).sum(axis=1).astype(np.uint32).view(np.int32)


def unpacked_as_autogptq(words, bits, first_format, g_idx, zero_words, scales):
    shifts = torch.arange(0, 32, bits, dtype=torch.int32)
    zeros = (zero_words[:, :, None] >> shifts[None, None, :]).reshape(zero_words.shape[0], -1) & (2**bits - 1)
    if first_format:
        zeros = (zeros + 1) & (2**bits - 1)
    numbers = (words[:, None, :] >> shifts[None, :, None]).reshape(-1, words.shape[1]) & (2**bits - 1)
    g = g_idx.long()
    return (scales.float()[g] * (numbers - zeros[g]).float()).T.contiguous().numpy()


def gptq(name, random_numbers):
    bits, group_size, desc_act, sym, checkpoint_format, scale_type = CASES[name]
    (inputs, outputs) = (128, 64)
    size = inputs if group_size == -1 else group_size
    groups = inputs // size
    numbers = random_numbers.integers(0, 2**bits, (inputs, outputs))
    if sym:
        zeros = np.full((groups, outputs), 2 ** (bits - 1))
    else:
        zeros = random_numbers.integers(0, 2**bits, (groups, outputs))
        zeros[0, :2] = 0
        zeros[0, 2:4] = 2**bits - 1
    scales = torch.tensor(random_numbers.uniform(1e-3, 3e-2, (groups, outputs))).to(scale_type)
    g_idx = np.arange(inputs) // size
    if desc_act:
        g_idx = g_idx[random_numbers.permutation(inputs)]
    first_format = checkpoint_format == "gptq"
    stored_zeros = (zeros - 1) % 2**bits if first_format else zeros
    tensors = {
        f"{MODULE}.qweight": torch.tensor(packed(numbers, bits)),
        f"{MODULE}.qzeros": torch.tensor(packed(stored_zeros.T, bits).T.copy()),
        f"{MODULE}.scales": scales,
        f"{MODULE}.g_idx": torch.tensor(g_idx.astype(np.int32)),
    }
    difference = (numbers - zeros[g_idx]).astype(np.float32)
    matrix = np.ascontiguousarray((scales.float().numpy()[g_idx] * difference).T)
    again = unpacked_as_autogptq(
        tensors[f"{MODULE}.qweight"], bits, first_format, tensors[f"{MODULE}.g_idx"], tensors[f"{MODULE}.qzeros"],
        scales)
    assert (matrix.view(np.uint32) == again.view(np.uint32)).all(), name
    quantization = dict(
        quant_method="gptq", bits=bits, group_size=group_size, desc_act=desc_act, sym=sym,
        checkpoint_format=checkpoint_format, damp_percent=0.01, true_sequential=True)
    write(name, config(inputs, outputs // 32, quantization_config=quantization), tensors)
    return golden(matrix)


def scale_numbers():
    positive = [
        power * (0.1 + 0.9 * (2 * part + 1) / (2 * 2**i))
        for i, power in enumerate([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0]) for part in range(2**i)]
    table = torch.tensor([-x for x in reversed(positive)] + [0] + positive + [1.0], dtype=torch.float64).float()
    assert (table - bnb.create_dynamic_map(signed=True)).abs().max() < 1e-7
    return table


def floats(random_numbers):
    # 288 blocks of 64: more than one block of scales.
    weight = torch.tensor(random_numbers.normal(0, 0.02, (96, 192))).to(torch.bfloat16)
    weight[5, 10:90] *= 30
    weight[7] = 0
    write("floats", config(192, 3), {f"{MODULE}.weight": weight})
    values = weight.float()

    codes, state = bnb.quantize_4bit(values, blocksize=64, compress_statistics=False, quant_type="nf4")
    offset = torch.tensor(state.absmax.double().mean().item(), dtype=torch.float32)
    table = scale_numbers()
    # Given float64, it searches for the nearest number; its float32 code misses it where numbers are sparse.
    library = torch.ops.bitsandbytes
    scale_codes, outer = library.quantize_blockwise.default((state.absmax - offset).double(), table, 256)
    state.absmax = library.dequantize_blockwise.default(scale_codes, outer, table, 256, torch.float32) + offset
    nf4 = bnb.dequantize_4bit(codes, state).numpy()

    stock = bnb.dequantize_4bit(
        *bnb.quantize_4bit(values, blocksize=64, compress_statistics=True, quant_type="nf4")).numpy()
    print("NF4: largest difference from bitsandbytes with its own table and mean", np.abs(nf4 - stock).max())

    numbers, largest, _ = bnb.int8_vectorwise_quant(values)
    largest[largest == 0] = 0
    int8 = numbers.numpy().astype(np.float32) * (largest.numpy() / np.float32(127))[:, None]
    theirs = bnb.int8_vectorwise_dequant(numbers, largest).numpy()
    assert np.allclose(int8, theirs, rtol=2e-7, atol=0)
    return dict(none=golden(values.numpy()), nf4=golden(nf4), int8=golden(int8))


def main():
    goldens = {}
    for number, name in enumerate(CASES):
        goldens[name] = gptq(name, np.random.default_rng(number))
    goldens["floats"] = floats(np.random.default_rng(100))
    (HERE / "goldens.json").write_text(json.dumps(goldens, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
