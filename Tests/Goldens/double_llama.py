"""A Llama-shaped decoder in float64 torch, straight from a Hugging Face directory: the truth of the goldens.

Deliberately slow and literal: one sequence at a time, no packing, no cache, no fused anything. It doesn't use the model
classes of `transformers`, because those drop to float32 inside the norms, the softmax and the rotary angles whatever
the dtype of the model; `make_model_goldens.py` checks this file against them to float32 rounding instead.

Gradients come from autograd and are named as the tensors of the checkpoint are.
"""
import json
import math
import pathlib

import torch
from safetensors.torch import load_file


def load_weights(directory):
    """Every stored tensor of the checkpoint, widened to float64."""
    directory = pathlib.Path(directory)
    index = directory / "model.safetensors.index.json"
    if index.exists():
        files = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    else:
        files = ["model.safetensors"]
    weights = {}
    for file in files:
        weights.update(load_file(str(directory / file)))
    return {name: tensor.double() for name, tensor in weights.items()}


def rotary_settings(config):
    """(theta, type, parameters) from the new key (`rope_parameters`) or the old ones (`rope_theta`, `rope_scaling`)."""
    if config.get("rope_parameters"):
        parameters = config["rope_parameters"]
        theta = parameters.get("rope_theta", config.get("rope_theta", 10000.0))
    else:
        parameters = config.get("rope_scaling") or {}
        theta = config.get("rope_theta", 10000.0)
    kind = parameters.get("rope_type", parameters.get("type", "default"))
    return float(theta), kind, parameters


def inverse_frequencies(config, head_width):
    """One angular frequency per pair of head elements, scaled as the config says."""
    theta, kind, parameters = rotary_settings(config)
    frequencies = [theta ** (-2 * i / head_width) for i in range(head_width // 2)]
    if kind == "linear":
        frequencies = [f / parameters["factor"] for f in frequencies]
    elif kind == "llama3":
        # Waves longer than the original context turn `factor` times slower, short ones stay, the band between blends.
        factor, low, high = (parameters[k] for k in ("factor", "low_freq_factor", "high_freq_factor"))
        original = parameters["original_max_position_embeddings"]
        for i, f in enumerate(frequencies):
            turns = original * f / (2 * math.pi)
            blend = min(1.0, max(0.0, (turns - low) / (high - low)))
            frequencies[i] = f * (blend + (1 - blend) / factor)
    elif kind != "default":
        raise ValueError(f"rope type {kind} is not one of default, linear, llama3")
    return torch.tensor(frequencies, dtype=torch.float64)


class DoubleLlama:
    """`weights` are leaf tensors, so `torch.autograd.grad` of anything computed here gives the full gradient."""

    def __init__(self, directory, weights=None):
        self.directory = pathlib.Path(directory)
        self.config = json.loads((self.directory / "config.json").read_text())
        self.weights = weights if weights is not None else load_weights(directory)
        for tensor in self.weights.values():
            tensor.requires_grad_(True)
        c = self.config
        self.heads = c["num_attention_heads"]
        self.key_heads = c.get("num_key_value_heads") or self.heads
        self.head_width = c.get("head_dim") or c["hidden_size"] // self.heads
        self.frequencies = inverse_frequencies(c, self.head_width)
        self.tied = "lm_head.weight" not in self.weights
        if self.tied and not c.get("tie_word_embeddings", False):
            raise ValueError(f"{directory}: lm_head.weight is absent and tie_word_embeddings is not true")

    def linear(self, name, x):
        y = x @ self.weights[name + ".weight"].T
        bias = self.weights.get(name + ".bias")
        return y if bias is None else y + bias

    def norm(self, name, x):
        scale = (x.square().mean(-1, keepdim=True) + self.config["rms_norm_eps"]).rsqrt()
        return x * scale * self.weights[name + ".weight"]

    def rotate(self, x, cos, sin):
        first, second = x.chunk(2, dim=-1)
        return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)

    def attention(self, name, x):
        count = x.shape[0]
        q = self.linear(name + ".q_proj", x).view(count, self.heads, self.head_width)
        k = self.linear(name + ".k_proj", x).view(count, self.key_heads, self.head_width)
        v = self.linear(name + ".v_proj", x).view(count, self.key_heads, self.head_width)
        angles = torch.arange(count, dtype=torch.float64)[:, None, None] * self.frequencies
        q, k = self.rotate(q, angles.cos(), angles.sin()), self.rotate(k, angles.cos(), angles.sin())
        group = self.heads // self.key_heads
        k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
        scores = torch.einsum("qhe,khe->hqk", q, k) / math.sqrt(self.head_width)
        hidden = torch.ones(count, count, dtype=torch.bool).triu(1)
        mixed = torch.einsum("hqk,khe->qhe", scores.masked_fill(hidden, -math.inf).softmax(-1), v)
        return self.linear(name + ".o_proj", mixed.reshape(count, -1))

    def feed_forward(self, name, x):
        gate = torch.nn.functional.silu(self.linear(name + ".gate_proj", x))
        return self.linear(name + ".down_proj", gate * self.linear(name + ".up_proj", x))

    def logits(self, ids):
        """Logits (T × V) of one whole sequence that starts at position 0."""
        x = self.weights["model.embed_tokens.weight"][torch.tensor(ids, dtype=torch.long)]
        for layer in range(self.config["num_hidden_layers"]):
            name = f"model.layers.{layer}"
            x = x + self.attention(name + ".self_attn", self.norm(name + ".input_layernorm", x))
            x = x + self.feed_forward(name + ".mlp", self.norm(name + ".post_attention_layernorm", x))
        head = self.weights["model.embed_tokens.weight" if self.tied else "lm_head.weight"]
        return self.norm("model.norm", x) @ head.T

    def logps(self, prompt_ids, response_ids):
        """log π(response token | all before it), one per response token; the prompt must not be empty."""
        ids = list(prompt_ids) + list(response_ids)
        rows = self.logits(ids)[len(prompt_ids) - 1 : -1].log_softmax(-1)
        return rows[torch.arange(len(response_ids)), torch.tensor(list(response_ids), dtype=torch.long)]
