"""Makes the model directories that CheckpointsTests reads, with the reference implementation of safetensors.

    python make_fixtures.py            writes single/, sharded/, odd.safetensors, written.safetensors, values.json
    python make_fixtures.py --check F  reads a file with the same tensors that SafetensorsWriter wrote
"""

import json
import os
import struct
import sys

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

HERE = os.path.dirname(os.path.abspath(__file__))


def tensors():
    ramp = torch.arange(12, dtype=torch.float32).reshape(3, 4) / 8 - 0.5
    return {
        "model.embed_tokens.weight": ramp,
        "model.layers.0.mlp.weight": ramp.half() * 3,
        "model.layers.1.mlp.weight": ramp.bfloat16() * 5,
        "model.norm.weight": torch.tensor([1.5, -2.0], dtype=torch.float64),
        "counts": torch.tensor([[-1, 2**40]], dtype=torch.int64),
        "mask": torch.tensor([True, False, True]),
        "scalar": torch.tensor(7, dtype=torch.int32),
        "empty": torch.zeros(0, 4),
        "bytes": torch.tensor([0, 127, 255], dtype=torch.uint8),
    }


def raw(tensor):
    return tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""


def write():
    config = {"model_type": "llama", "hidden_size": 4, "num_hidden_layers": 2, "_name_or_path": "somewhere"}
    everything = tensors()
    values = {n: {"shape": list(t.shape), "hex": raw(t.reshape(-1)).hex()} for n, t in everything.items()}
    json.dump(values, open(f"{HERE}/values.json", "w"), indent=1)

    os.makedirs(f"{HERE}/single", exist_ok=True)
    json.dump(config, open(f"{HERE}/single/config.json", "w"), indent=2)
    save_file(everything, f"{HERE}/single/model.safetensors", metadata={"format": "pt"})
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json", "optimizer.json"):
        open(f"{HERE}/single/{name}", "w").write("{}\n")
    open(f"{HERE}/single/merges.txt", "w").write("a b\n")

    os.makedirs(f"{HERE}/sharded", exist_ok=True)
    json.dump(config, open(f"{HERE}/sharded/config.json", "w"))
    names = sorted(everything)
    weight_map = {}
    for number, part in enumerate((names[::2], names[1::2]), start=1):
        shard = f"model-{number:05}-of-00002.safetensors"
        save_file({n: everything[n] for n in part}, f"{HERE}/sharded/{shard}", metadata={"format": "pt"})
        weight_map.update({n: shard for n in part})
    index = {"metadata": {"total_size": sum(len(raw(t.reshape(-1))) for t in everything.values())}}
    json.dump(index | {"weight_map": weight_map}, open(f"{HERE}/sharded/model.safetensors.index.json", "w"))

    # A header that isn't padded to 8 bytes, as the first versions of the library wrote it: valid, but misaligned.
    body = raw(everything["model.embed_tokens.weight"])
    header = json.dumps({"weight": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, len(body)]}}).encode()
    header += b" " * ((5 - len(header)) % 8)
    open(f"{HERE}/odd.safetensors", "wb").write(struct.pack("<Q", len(header)) + header + body)
    assert torch.equal(load_file(f"{HERE}/odd.safetensors")["weight"], everything["model.embed_tokens.weight"])

    # What SafetensorsWriter has to write, byte for byte: the same tensors in the order of single/'s bytes.
    with open(f"{HERE}/single/model.safetensors", "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        body = file.read()
    names = sorted((n for n in header if n != "__metadata__"), key=lambda n: header[n]["data_offsets"])
    ordered = {n: {k: header[n][k] for k in ("dtype", "shape", "data_offsets")} for n in names}
    text = json.dumps({"__metadata__": {"format": "pt"}} | ordered).encode()
    text += b" " * (-len(text) % 8)
    open(f"{HERE}/written.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + body)
    check(f"{HERE}/written.safetensors")


def check(path):
    found = load_file(path)
    expected = tensors()
    assert found.keys() == expected.keys(), (found.keys(), expected.keys())
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor), name
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"format": "pt"}, file.metadata()
    print(f"{path}: the reference implementation reads the {len(expected)} tensors that were written")


if __name__ == "__main__":
    check(sys.argv[2]) if sys.argv[1:2] == ["--check"] else write()
