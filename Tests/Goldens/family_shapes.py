"""Tiny checkpoints of every family with random weights, made by `transformers`: one entry per arithmetic that differs.

`SHAPES`: name → (family, the config class's arguments). `build(name, folder, …)` writes the Hugging Face directory.
"""
import json
import pathlib
import shutil

import torch
from transformers import AutoConfig, AutoModelForCausalLM

VOCABULARY = 61

_USUAL = dict(hidden_size=24, intermediate_size=20, num_attention_heads=4, num_hidden_layers=2)
_GROUPED = dict(_USUAL, num_key_value_heads=2)
_LONG = dict(
    rope_type="longrope", rope_theta=10000.0, short_factor=[1.0, 1.25, 2.0], long_factor=[1.5, 4.0, 9.0],
    original_max_position_embeddings=12)

SHAPES = {
    "llama": ("llama", dict(_GROUPED, head_dim=6)),
    "llama-yarn": ("llama", dict(
        _GROUPED, head_dim=8, max_position_embeddings=64, rope_parameters=dict(
            rope_type="yarn", rope_theta=100.0, factor=4.0, original_max_position_embeddings=16))),
    "llama-dynamic": ("llama", dict(
        _GROUPED, head_dim=8, max_position_embeddings=12, rope_parameters=dict(
            rope_type="dynamic", rope_theta=100.0, factor=3.0))),
    "mistral-window": ("mistral", dict(_GROUPED, sliding_window=5)),
    "mistral": ("mistral", dict(_GROUPED, head_dim=10, sliding_window=None)),
    "qwen2": ("qwen2", dict(_GROUPED, tie_word_embeddings=True)),
    "qwen2-window": ("qwen2", dict(_GROUPED, use_sliding_window=True, sliding_window=4, max_window_layers=1)),
    "qwen2-yarn": ("qwen2", dict(
        _GROUPED, rope_parameters=dict(
            rope_type="yarn", rope_theta=1000.0, factor=2.0, original_max_position_embeddings=32, beta_fast=8.0,
            beta_slow=2.0, truncate=False, mscale=1.0, mscale_all_dim=0.5))),
    "qwen3": ("qwen3", dict(_GROUPED, head_dim=8, attention_bias=True)),
    "gpt2": ("gpt2", dict(n_embd=24, n_layer=2, n_head=4, n_positions=64)),
    "gpt2-odd": ("gpt2", dict(
        n_embd=24, n_layer=3, n_head=3, n_inner=17, n_positions=64, activation_function="gelu",
        scale_attn_by_inverse_layer_idx=True, tie_word_embeddings=False)),
    "gpt-neox": ("gpt_neox", dict(_USUAL, rope_parameters=dict(
        rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.34))),
    "gpt-neox-sequential": ("gpt_neox", dict(
        _USUAL, use_parallel_residual=False, attention_bias=False, tie_word_embeddings=True, rope_parameters=dict(
            rope_type="default", rope_theta=500.0, partial_rotary_factor=1.0))),
    "gemma": ("gemma", dict(_GROUPED, head_dim=10)),
    "gemma2": ("gemma2", dict(
        _GROUPED, head_dim=8, sliding_window=5, query_pre_attn_scalar=12, attn_logit_softcapping=2.0,
        final_logit_softcapping=3.0)),
    "phi3": ("phi3", dict(_GROUPED, sliding_window=7)),
    "phi3-longrope": ("phi3", dict(
        _GROUPED, max_position_embeddings=64, original_max_position_embeddings=12, rope_parameters=_LONG)),
    "olmo2": ("olmo2", dict(_GROUPED)),
    "smollm3": ("smollm3", dict(_GROUPED, num_hidden_layers=3, no_rope_layers=[1, 0, 1])),
    "smollm3-window": ("smollm3", dict(
        _GROUPED, num_hidden_layers=3, no_rope_layer_interval=2, use_sliding_window=True, sliding_window=4,
        attention_bias=True, mlp_bias=True, tie_word_embeddings=False)),
}


def build(name, folder, seed=0, dtype=torch.float32, shard_size="1GB", vocabulary=VOCABULARY, **changes):
    """Writes the directory; every parameter matters: norms away from rest, biases away from zero. `changes` replace
    arguments of the shape."""
    family, arguments = SHAPES[name]
    ids = dict(bos_token_id=None, eos_token_id=0, pad_token_id=None)
    limit = {} if "n_positions" in arguments else dict(max_position_embeddings=256)
    config = AutoConfig.for_model(family, vocab_size=vocabulary, **dict(ids, **dict(limit, **dict(arguments, **changes))))
    model = AutoModelForCausalLM.from_config(config)
    generator = torch.Generator().manual_seed(seed)
    around_zero = family in ("gemma", "gemma2")
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            is_norm = "norm" in key or ".ln_" in key
            if is_norm and key.endswith("weight"):
                parameter.copy_((0.0 if around_zero else 1.0) + 0.3 * noise)
            elif key.endswith("bias") or "embed" in key or "lm_head" in key or "wte" in key or "wpe" in key:
                parameter.copy_(0.3 * noise)
            else:
                inputs = parameter.shape[0 if family == "gpt2" else 1]
                parameter.copy_(noise * 1.2 / inputs**0.5)
    folder = pathlib.Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    model.to(dtype).save_pretrained(folder, max_shard_size=shard_size)
    (folder / "generation_config.json").unlink(missing_ok=True)
    stored = json.loads((folder / "config.json").read_text())
    stored.pop("transformers_version", None)
    (folder / "config.json").write_text(json.dumps(stored, indent=2) + "\n")
    for file in folder.iterdir():
        file.chmod(0o644)
    return model
