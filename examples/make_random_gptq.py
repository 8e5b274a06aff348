#!/usr/bin/env python3
"""Makes a model folder of Llama-2-7B's shape with random 4-bit GPTQ weights: for trying the full shape without the model.

    python examples/make_random_gptq.py models/random-7b-gptq                     3.9 GB, a few minutes
    python examples/make_random_gptq.py models/random-7b-gptq --tokenizer DIR     a tokenizer's files go along
    python examples/make_random_gptq.py /tmp/small --layers 2                     fewer layers, 0.7 GB
    python examples/make_random_gptq.py /tmp/tiny --config SOME/config.json       another Llama's shape

The layout is that of published GPTQ checkpoints of one model.safetensors: for a matrix of N outputs and K inputs `qweight`
[K/8, N] (int32, eight 4-bit numbers of one column in each, the lowest bits first), `qzeros` [K/group, N/8] (int32, zero points
less one), `scales` [K/group, N] (float16) and `g_idx` [K] (int32); embedding, head and norms are float16. Weights come out
with a deviation of 0.02, as in a fresh model, so that logps and gradients are of the size they would have. Needs numpy only;
written tensor by tensor.
"""

import argparse
import json
import math
import pathlib
import shutil
import sys

import numpy

LLAMA_2_7B = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "bos_token_id": 1, "eos_token_id": 2,
    "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 11008,
    "max_position_embeddings": 4096, "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32,
    "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "tie_word_embeddings": False, "torch_dtype": "float16",
    "vocab_size": 32000,
}
DEVIATION = 0.02
BITS = 4
PER_WORD = 32 // BITS


def matrices(config):
    """Names, outputs and inputs of a layer's linear modules."""
    width, hidden = config["hidden_size"], config["intermediate_size"]
    head = config.get("head_dim") or width // config["num_attention_heads"]
    queries, keys = head * config["num_attention_heads"], head * config.get("num_key_value_heads", config["num_attention_heads"])
    return [
        ("self_attn.q_proj", queries, width), ("self_attn.k_proj", keys, width), ("self_attn.v_proj", keys, width),
        ("self_attn.o_proj", width, queries), ("mlp.gate_proj", hidden, width), ("mlp.up_proj", hidden, width),
        ("mlp.down_proj", width, hidden),
    ]


def layout(config, group):
    """(name, dtype, shape, kind) of every tensor, in the order of the file: int32 before float16, so that all are aligned."""
    width, vocabulary = config["hidden_size"], config["vocab_size"]
    words, halves = [], [("model.embed_tokens.weight", "F16", [vocabulary, width], "normal")]
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        for name, outputs, inputs in matrices(config):
            if inputs % group or outputs % PER_WORD:
                sys.exit(f"{name} is [{outputs}, {inputs}]: inputs must be a multiple of {group}, outputs of {PER_WORD}")
            groups = inputs // group
            words.append((prefix + name + ".qweight", "I32", [inputs // PER_WORD, outputs], "bits"))
            words.append((prefix + name + ".qzeros", "I32", [groups, outputs // PER_WORD], "zeros"))
            words.append((prefix + name + ".g_idx", "I32", [inputs], "groups"))
            halves.append((prefix + name + ".scales", "F16", [groups, outputs], "scales"))
        for norm in ("input_layernorm", "post_attention_layernorm"):
            halves.append((f"{prefix}{norm}.weight", "F16", [width], "ones"))
    halves.append(("model.norm.weight", "F16", [width], "ones"))
    if not config.get("tie_word_embeddings"):
        halves.append(("lm_head.weight", "F16", [vocabulary, width], "normal"))
    return words + halves


def content(kind, shape, group, random):
    if kind == "bits":
        return random.integers(0, 1 << 32, size=shape, dtype=numpy.uint32)
    if kind == "zeros":
        # The zero point 8 of symmetric 4-bit numbers, less one, eight times.
        return numpy.full(shape, 0x77777777, dtype=numpy.uint32)
    if kind == "groups":
        return (numpy.arange(shape[0]) // group).astype(numpy.int32)
    if kind == "ones":
        return numpy.ones(shape, dtype=numpy.float16)
    if kind == "scales":
        # 0 … 15 less 8, all as likely: their mean square is 21.5. A little unlike each other, as real ones are.
        return (DEVIATION / math.sqrt(21.5) * random.uniform(0.8, 1.2, size=shape)).astype(numpy.float16)
    return (DEVIATION * random.standard_normal(size=shape, dtype=numpy.float32)).astype(numpy.float16)


def write(path, tensors, group, random):
    sizes = {"I32": 4, "F16": 2}
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, dtype, shape, _ in tensors:
        size = math.prod(shape) * sizes[dtype]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, _, shape, kind in tensors:
            # The large ones by rows: memory stays at a few hundred MB.
            rows = max(1, (1 << 25) // math.prod(shape[1:])) if kind in ("bits", "normal") else shape[0]
            for start in range(0, shape[0], rows):
                part = [min(rows, shape[0] - start), *shape[1:]]
                file.write(content(kind, part, group, random).tobytes())
    return end


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("output", type=pathlib.Path, help="the folder to make")
    parser.add_argument("--config", type=pathlib.Path, help="a Llama's config.json; default: Llama-2-7B's shape")
    parser.add_argument("--layers", type=int, help="so many layers instead of the shape's")
    parser.add_argument("--group-size", type=int, default=128, help="inputs that share a scale (default 128)")
    parser.add_argument("--tokenizer", type=pathlib.Path, help="a folder whose tokenizer files go along")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    config = json.loads(options.config.read_text()) if options.config else dict(LLAMA_2_7B)
    if config.get("model_type") != "llama" or config.get("attention_bias") or config.get("mlp_bias"):
        sys.exit(f"{options.config}: expected a Llama without biases")
    if options.layers:
        config["num_hidden_layers"] = options.layers
    config["quantization_config"] = {
        "bits": BITS, "group_size": options.group_size, "damp_percent": 0.1, "desc_act": False, "sym": True,
        "true_sequential": True, "quant_method": "gptq",
    }
    if (options.output / "model.safetensors").exists():
        sys.exit(f"{options.output}: there is a model already")
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    random = numpy.random.Generator(numpy.random.SFC64(options.seed))
    size = write(options.output / "model.safetensors", layout(config, options.group_size), options.group_size, random)
    if options.tokenizer:
        for file in sorted(options.tokenizer.iterdir()):
            if file.name.startswith(("tokenizer", "special_tokens")):
                shutil.copy(file, options.output / file.name)
    print(f"{options.output}: written, {size / 1e9:.2f} GB of weights")


if __name__ == "__main__":
    main()
