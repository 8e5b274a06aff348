"""gguf_equals_model.py BINARY [SHAPE …]: exported files hold the model's weights, under llama.cpp's names.

For every shape of Tests/Goldens/family_shapes.py (or those named) and every --dtype: exports, reads the file with the
`gguf` package, and compares each tensor, dequantised, with the checkpoint's, put into llama.cpp's layout here. Where
`transformers` can load the architecture from GGUF, its logits must be the model's.

Needs torch, transformers, safetensors and gguf.
"""
import argparse
import pathlib
import sys
import tempfile

import gguf
import numpy
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Goldens"))

from binary_runs import start  # noqa: E402
from family_shapes import SHAPES, VOCABULARY, build  # noqa: E402

# Largest difference, relative to a tensor's largest element.
ROUNDING = {"f32": 0, "f16": 6e-4, "bf16": 5e-3, "q8_0": 1 / 200}
# What transformers reads back with nothing lost. (It takes a file named "mistral" for a family it can't map, and leaves
# out Gemma 2's caps.)
READ_BACK = ["llama", "qwen2", "qwen3", "gpt2"]
# transformers takes Qwen3's head width and GPT-2's sizes for granted.
AS_RELEASED = dict(qwen3=dict(head_dim=128, attention_bias=False), gpt2=dict(n_positions=1024, vocabulary=50257))


def expected_tensors(folder, config, architecture):
    """name → array, as llama.cpp lays them out."""
    number = {name: key for key, name in gguf.MODEL_ARCH_NAMES.items()}[architecture]
    names = gguf.get_tensor_name_map(number, config.num_hidden_layers)
    heads = config.num_attention_heads
    key_heads = getattr(config, "num_key_value_heads", None) or heads
    expected = {}
    for name, tensor in load_file(folder / "model.safetensors").items():
        array = tensor.float().numpy()
        if config.model_type == "gpt2" and name.endswith(("c_attn.weight", "c_fc.weight", "c_proj.weight")):
            array = array.T
        if config.model_type == "gpt_neox" and "query_key_value" in name:
            array = array.reshape(heads, 3, -1, *array.shape[1:]).swapaxes(0, 1).reshape(array.shape)
        if architecture in ("llama", "smollm3") and ("q_proj" in name or "k_proj" in name):
            count = heads if "q_proj" in name else key_heads
            halves = array.reshape(count, 2, array.shape[0] // count // 2, *array.shape[1:])
            array = halves.swapaxes(1, 2).reshape(array.shape)
        if config.model_type.startswith("gemma") and name.endswith("norm.weight"):
            array = array + 1
        expected[names.get_name(name, try_suffixes=(".weight", ".bias"))] = array
    return expected


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("binary")
    arguments.add_argument("shapes", nargs="*")
    a = arguments.parse_args()
    failures = 0
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        for seed, name in enumerate(a.shapes or SHAPES):
            folder = scratch / name
            build(name, folder, seed=seed, **AS_RELEASED.get(name, {}))
            config = AutoConfig.from_pretrained(folder)
            for dtype, limit in ROUNDING.items():
                output = scratch / "model.gguf"
                start(a.binary, ["export", "--model", folder, "--format", "gguf", "--output", output, "--dtype", dtype])
                reader = gguf.GGUFReader(output)
                architecture = reader.get_field("general.architecture").contents()
                expected = expected_tensors(folder, config, architecture)
                worst = 0.0
                for tensor in reader.tensors:
                    shape = [int(n) for n in reversed(tensor.shape)]
                    array = gguf.dequantize(tensor.data, tensor.tensor_type).reshape(shape)
                    truth = expected.pop(tensor.name, None)
                    if truth is not None:
                        worst = max(worst, float(numpy.abs(array - truth).max() / numpy.abs(truth).max()))
                good = worst <= limit and not expected
                note = f"missing {sorted(expected)[:3]}" if expected else ""
                if dtype == "f32" and name in READ_BACK:
                    read = AutoModelForCausalLM.from_pretrained(scratch, gguf_file="model.gguf", dtype=torch.float32)
                    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
                    ids = torch.arange(1, 15)[None] % VOCABULARY
                    with torch.no_grad():
                        difference = (read(ids).logits - model(ids).logits).abs().max().item()
                    good = good and difference < 1e-4
                    note += f"transformers' logits differ by {difference:.1e}"
                failures += not good
                print(f"{'ok  ' if good else 'FAIL'} {name:<20} {architecture:<8} {dtype:<5} {worst:.1e}  {note}".rstrip(),
                      flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
