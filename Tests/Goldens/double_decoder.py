"""Every family's decoder in float64 torch, straight from a Hugging Face directory: the truth of the goldens.

Deliberately slow and literal: one sequence at a time, no packing, no cache, no fused anything. It doesn't use the model
classes of `transformers`, because those drop to float32 inside the norms, the softmax and the rotary angles whatever
the dtype of the model; `make_model_goldens.py` and `make_family_goldens.py` check this file against them to float32
rounding instead. Configs are read through `transformers`' own config classes, which know what absent fields mean.

Gradients come from autograd and are named as the tensors of the checkpoint are.
"""
import json
import math
import pathlib

import torch
from safetensors.torch import load_file
from transformers import AutoConfig
from transformers.activations import ACT2FN

ROPE_FREE = {"gpt2"}
PREFIXES = {"gpt2": "transformer.", "gpt_neox": "gpt_neox."}
BUFFERS = ("inv_freq", ".attn.bias", ".masked_bias", ".attention.bias")


def load_weights(directory):
    """Every stored tensor of the checkpoint, widened to float64, without the buffers that old releases kept."""
    directory = pathlib.Path(directory)
    index = directory / "model.safetensors.index.json"
    if index.exists():
        files = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    else:
        files = ["model.safetensors"]
    weights = {}
    for file in files:
        weights.update(load_file(str(directory / file)))
    return {name: tensor.double() for name, tensor in weights.items() if not name.endswith(BUFFERS)}


def inverse_frequencies(config, head_width, count):
    """(one angular frequency per pair of head elements, factor on cos and sin) for a sequence of `count` tokens."""
    parameters = config.rope_parameters or {}
    theta = float(parameters.get("rope_theta") or 10000.0)
    kind = parameters.get("rope_type", "default")
    width = int(head_width * (parameters.get("partial_rotary_factor") or 1.0))
    frequencies = [theta ** (-2 * i / width) for i in range((width + 1) // 2)]
    factor, positions = parameters.get("factor"), config.max_position_embeddings
    original = parameters.get("original_max_position_embeddings", positions)
    if kind == "default":
        return frequencies, 1.0
    if kind == "linear":
        return [f / factor for f in frequencies], 1.0
    if kind == "dynamic":
        if count > positions:
            grown = theta * (factor * count / positions - (factor - 1)) ** (width / (width - 2))
            frequencies = [grown ** (-2 * i / width) for i in range(width // 2)]
        return frequencies, 1.0
    if kind == "llama3":
        # Waves longer than the original context turn `factor` times slower, short ones stay, the band between blends.
        low, high = parameters["low_freq_factor"], parameters["high_freq_factor"]
        blend = [min(1.0, max(0.0, (original * f / (2 * math.pi) - low) / (high - low))) for f in frequencies]
        return [f * (b + (1 - b) / factor) for f, b in zip(frequencies, blend)], 1.0
    if kind == "yarn":
        factor = factor or positions / original
        place = lambda turns: width * math.log(original / (turns * 2 * math.pi)) / (2 * math.log(theta))
        low, high = place(parameters.get("beta_fast") or 32), place(parameters.get("beta_slow") or 1)
        if parameters.get("truncate", True):
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, width - 1)
        high += 0.001 if low == high else 0
        share = [min(1.0, max(0.0, (i - low) / (high - low))) for i in range(width // 2)]
        growth = lambda m: 1.0 if factor <= 1 else 0.1 * m * math.log(factor) + 1
        scale = growth(1)
        if parameters.get("mscale") and parameters.get("mscale_all_dim"):
            scale = growth(parameters["mscale"]) / growth(parameters["mscale_all_dim"])
        if parameters.get("attention_factor") is not None:
            scale = parameters["attention_factor"]
        return [f * (s / factor + 1 - s) for f, s in zip(frequencies, share)], scale
    if kind == "longrope":
        factor = factor or positions / original
        scale = math.sqrt(1 + math.log(factor) / math.log(original)) if factor > 1 else 1.0
        if parameters.get("attention_factor") is not None:
            scale = parameters["attention_factor"]
        chosen = parameters["long_factor" if count > original else "short_factor"]
        return [f / c for f, c in zip(frequencies, chosen)], scale
    raise ValueError(f"rope type {kind}")


class DoubleDecoder:
    """`weights` are leaf tensors, so `torch.autograd.grad` of anything computed here gives the full gradient."""

    def __init__(self, directory, weights=None):
        self.directory = pathlib.Path(directory)
        self.config = c = AutoConfig.from_pretrained(directory)
        self.family = c.model_type
        self.weights = weights if weights is not None else load_weights(directory)
        for tensor in self.weights.values():
            tensor.requires_grad_(True)
        self.heads = c.num_attention_heads
        self.key_heads = getattr(c, "num_key_value_heads", None) or self.heads
        self.head_width = getattr(c, "head_dim", None) or c.hidden_size // self.heads
        self.positions = c.max_position_embeddings
        prefix = PREFIXES.get(self.family, "model.")
        self.prefix = prefix if any(name.startswith(prefix) for name in self.weights) else ""
        heads = [name for name in ("lm_head.weight", "embed_out.weight") if name in self.weights]
        self.head = heads[0] if heads else None
        if not heads and not c.tie_word_embeddings:
            raise ValueError(f"{directory}: no head, and tie_word_embeddings is not true")

    # Parts

    def product(self, x, weight):
        """x W of every linear map and of the head."""
        return x @ weight

    def linear(self, name, x):
        weight, bias = self.weights[name + ".weight"], self.weights.get(name + ".bias")
        y = self.product(x, weight if self.family == "gpt2" else weight.T)
        return y if bias is None else y + bias

    def norm(self, name, x):
        weight, c = self.weights[name + ".weight"], self.config
        if self.family in ("gpt2", "gpt_neox"):
            epsilon = c.layer_norm_epsilon if self.family == "gpt2" else c.layer_norm_eps
            x = x - x.mean(-1, keepdim=True)
            return x * (x.square().mean(-1, keepdim=True) + epsilon).rsqrt() * weight + self.weights[name + ".bias"]
        scale = (x.square().mean(-1, keepdim=True) + c.rms_norm_eps).rsqrt()
        return x * scale * (1 + weight if self.family in ("gemma", "gemma2") else weight)

    def rotate(self, x, frequencies, scale):
        positions, turns = torch.arange(x.shape[0]).double(), torch.tensor(frequencies, dtype=torch.float64)
        angles = positions[:, None, None] * turns
        cos, sin = angles.cos() * scale, angles.sin() * scale
        half = len(frequencies)
        first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
        return torch.cat([first * cos - second * sin, second * cos + first * sin, rest], dim=-1)

    def query_key_value(self, name, x):
        count, H, G, E = x.shape[0], self.heads, self.key_heads, self.head_width
        if self.family == "gpt2":
            q, k, v = self.linear(name + ".c_attn", x).split(H * E, dim=-1)
        elif self.family == "phi3":
            q, k, v = self.linear(name + ".qkv_proj", x).split([H * E, G * E, G * E], dim=-1)
        elif self.family == "gpt_neox":
            q, k, v = self.linear(name + ".query_key_value", x).view(count, H, 3, E).unbind(2)
        else:
            q, k, v = (self.linear(f"{name}.{part}_proj", x) for part in "qkv")
        if self.family == "olmo2":
            q, k = self.norm(name + ".q_norm", q), self.norm(name + ".k_norm", k)
        q, k, v = q.reshape(count, H, E), k.reshape(count, G, E), v.reshape(count, G, E)
        if self.family == "qwen3":
            q, k = self.norm(name + ".q_norm", q), self.norm(name + ".k_norm", k)
        return q, k, v

    def window(self, layer):
        c = self.config
        if self.family in ("mistral", "phi3"):
            return c.sliding_window
        types = getattr(c, "layer_types", None)
        return c.sliding_window if types and types[layer] == "sliding_attention" else None

    def attention(self, name, output, layer, x):
        c, count = self.config, x.shape[0]
        q, k, v = self.query_key_value(name, x)
        turns = self.family not in ROPE_FREE and (self.family != "smollm3" or c.no_rope_layers[layer])
        if turns:
            frequencies, scale = inverse_frequencies(c, self.head_width, self.length)
            q, k = self.rotate(q, frequencies, scale), self.rotate(k, frequencies, scale)
        group = self.heads // self.key_heads
        k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
        scale = self.head_width**-0.5
        if self.family == "gemma2":
            scale = c.query_pre_attn_scalar**-0.5
        elif self.family == "gpt2":
            scale = scale if c.scale_attn_weights else 1.0
            scale /= layer + 1 if c.scale_attn_by_inverse_layer_idx else 1
        scores = torch.einsum("qhe,khe->hqk", q, k) * scale
        cap = getattr(c, "attn_logit_softcapping", None)
        if cap:
            scores = cap * (scores / cap).tanh()
        query, key = torch.arange(count)[:, None], torch.arange(count)[None, :]
        hidden, window = key > query, self.window(layer)
        if window:
            hidden = hidden | (key <= query - window)
        mixed = torch.einsum("hqk,khe->qhe", scores.masked_fill(hidden, -math.inf).softmax(-1), v)
        return self.linear(output, mixed.reshape(count, -1))

    def feed_forward(self, name, x):
        c = self.config
        act = ACT2FN[next(getattr(c, n) for n in ("hidden_activation", "activation_function", "hidden_act")
                          if getattr(c, n, None))]
        if self.family == "gpt2":
            return self.linear(name + ".c_proj", act(self.linear(name + ".c_fc", x)))
        if self.family == "gpt_neox":
            return self.linear(name + ".dense_4h_to_h", act(self.linear(name + ".dense_h_to_4h", x)))
        if self.family == "phi3":
            gate, up = self.linear(name + ".gate_up_proj", x).chunk(2, dim=-1)
        else:
            gate, up = self.linear(name + ".gate_proj", x), self.linear(name + ".up_proj", x)
        return self.linear(name + ".down_proj", act(gate) * up)

    def block(self, layer, x):
        if self.family == "gpt2":
            name = f"{self.prefix}h.{layer}"
            x = x + self.attention(name + ".attn", name + ".attn.c_proj", layer, self.norm(name + ".ln_1", x))
            return x + self.feed_forward(name + ".mlp", self.norm(name + ".ln_2", x))
        name = f"{self.prefix}layers.{layer}"
        if self.family == "gpt_neox":
            attend = lambda y: self.attention(name + ".attention", name + ".attention.dense", layer, y)
        else:
            attend = lambda y: self.attention(name + ".self_attn", name + ".self_attn.o_proj", layer, y)
        feed = lambda y: self.feed_forward(name + ".mlp", y)
        before, after = name + ".input_layernorm", name + ".post_attention_layernorm"
        if self.family == "olmo2":
            x = x + self.norm(after, attend(x))
            return x + self.norm(name + ".post_feedforward_layernorm", feed(x))
        if self.family == "gemma2":
            x = x + self.norm(after, attend(self.norm(before, x)))
            y = feed(self.norm(name + ".pre_feedforward_layernorm", x))
            return x + self.norm(name + ".post_feedforward_layernorm", y)
        if self.family == "gpt_neox" and self.config.use_parallel_residual:
            return x + attend(self.norm(before, x)) + feed(self.norm(after, x))
        x = x + attend(self.norm(before, x))
        return x + feed(self.norm(after, x))

    # The whole

    def logits(self, ids):
        """Logits (T × V) of one whole sequence that starts at position 0."""
        c, self.length = self.config, len(ids)
        tokens = torch.tensor(ids, dtype=torch.long)
        table = {"gpt2": "wte", "gpt_neox": "embed_in"}.get(self.family, "embed_tokens")
        embedding = self.weights[f"{self.prefix}{table}.weight"]
        x = embedding[tokens]
        if self.family in ("gemma", "gemma2"):
            x = x * c.hidden_size**0.5
        if self.family == "gpt2":
            x = x + self.weights[self.prefix + "wpe.weight"][: len(ids)]
        for layer in range(c.num_hidden_layers):
            x = self.block(layer, x)
        last = {"gpt2": "ln_f", "gpt_neox": "final_layer_norm"}.get(self.family, "norm")
        x = self.norm(self.prefix + last, x)
        logits = self.product(
            x, (embedding if c.tie_word_embeddings or not self.head else self.weights[self.head]).T)
        cap = getattr(c, "final_logit_softcapping", None)
        return cap * (logits / cap).tanh() if cap else logits

    def logps(self, prompt_ids, response_ids):
        """log π(response token | all before it), one per response token; the prompt must not be empty."""
        ids = list(prompt_ids) + list(response_ids)
        rows = self.logits(ids)[len(prompt_ids) - 1 : -1].log_softmax(-1)
        return rows[torch.arange(len(response_ids)), torch.tensor(list(response_ids), dtype=torch.long)]
