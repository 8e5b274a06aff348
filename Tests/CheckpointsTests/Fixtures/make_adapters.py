"""Writes the adapters that AdapterTests read: PEFT's own files of a tiny model, and which modules PEFT chooses.

    /path/to/venv/bin/python make_adapters.py        (peft 0.21, transformers 5, torch)
"""

import json
import pathlib
import shutil
import types

import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.tuners_utils import check_target_module_exists
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

here = pathlib.Path(__file__).parent


def llama():
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=8, hidden_size=4, intermediate_size=6, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=1, tie_word_embeddings=False,
        )
    )


def save(name, model, **fields):
    torch.manual_seed(1)
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **fields))
    folder = here / name
    shutil.rmtree(folder, ignore_errors=True)
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    return folder


def main():
    torch.manual_seed(0)
    save("adapter-plain", llama(), r=2, lora_alpha=3, target_modules=["q_proj", "v_proj"], use_rslora=True)
    save(
        "adapter-dora", llama(), r=3, target_modules="all-linear", use_dora=True, lora_dropout=0.25,
        modules_to_save=["lm_head", "input_layernorm"], init_lora_weights=False,
    )
    save(
        "adapter-layers", llama(), r=2, target_modules=["o_proj"], layers_to_transform=[1], layers_pattern="layers",
        init_lora_weights="gaussian",
    )
    save("adapter-pattern", llama(), r=2, target_modules=r".*\.0\..*_proj")
    gpt2 = GPT2LMHeadModel(
        GPT2Config(vocab_size=8, n_embd=4, n_layer=1, n_head=2, n_positions=8, bos_token_id=0, eos_token_id=0)
    )
    save("adapter-gpt2", gpt2, r=2, target_modules=["c_attn", "c_proj"], fan_in_fan_out=True)
    save("adapter-head", llama(), r=2, target_modules=["q_proj", "lm_head"])

    # The same tensors as somebody stores them who saves a PeftModel's state_dict.
    named = {}
    for name, tensor in load_file(here / "adapter-dora/adapter_model.safetensors").items():
        for part in ("lora_A", "lora_B"):
            name = name.replace(f".{part}.weight", f".{part}.default.weight")
        if name.endswith("lora_magnitude_vector"):
            name += ".default.weight"
        if "lora_" not in name:
            name = name.removesuffix(".weight") + ".modules_to_save.default.weight"
        named[name] = tensor
    folder = here / "adapter-named"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(here / "adapter-dora", folder)
    save_file(named, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    choices()


def choices():
    """What PEFT's rule makes of lists of names."""
    modules = [
        name for name, module in llama().named_modules() if isinstance(module, torch.nn.Linear)
    ] + ["h.0.attn.c_attn", "transformer.h.0.attn.c_attn", "transformer.h.1.attn.c_attn", "a.b_q_proj", "q_proj"]
    asked = [
        {"target_modules": ["q_proj"]},
        {"target_modules": ["self_attn.q_proj", "down_proj"]},
        {"target_modules": ["proj"]},
        {"target_modules": ["model.layers.1.mlp.up_proj", "v_proj"], "layers_to_transform": [0]},
        {"target_modules": ["q_proj", "lm_head"], "layers_to_transform": [1]},
        {"target_modules": ["c_attn"], "layers_to_transform": [0]},
        {"target_modules": ["c_attn"], "layers_to_transform": 1, "layers_pattern": "h"},
        {"target_modules": ["c_attn"], "layers_to_transform": [0], "layers_pattern": ["layers", "h"]},
        {"target_modules": ["c_attn", "q_proj"], "layers_to_transform": [0, 1], "layers_pattern": ["blocks"]},
        {"target_modules": ["q_proj", "k_proj"], "exclude_modules": ["layers.0.self_attn.q_proj", "q_proj"]},
        {"target_modules": ["q_proj", "up_proj", "lm_head"], "modules_to_save": ["mlp", "lm_head"]},
        {"target_modules": ["q_proj", "c_attn"], "modules_to_save": ["layers.1", "transformer"]},
        {"target_modules": ["q_proj"], "modules_to_save": ["layer"]},
    ]
    cases = []
    for fields in asked:
        config = types.SimpleNamespace(
            **{"exclude_modules": None, "modules_to_save": None, "target_parameters": None, **fields}
        )
        chosen = [m for m in modules if check_target_module_exists(config, m) is True]
        cases.append({"config": fields, "chosen": chosen})
    path = here / "adapter-targets.json"
    path.write_text(json.dumps({"modules": modules, "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
