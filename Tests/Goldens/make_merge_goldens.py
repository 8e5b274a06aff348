"""Writes merge/: tiny models, PEFT adapters of them, and what PEFT's merge_and_unload makes of each pair.

    /path/to/venv/bin/python make_merge_goldens.py        (peft 0.21, transformers 5, torch)
"""

import json
import pathlib
import shutil

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

here = pathlib.Path(__file__).parent / "merge"


def models():
    def llama(tied):
        return LlamaForCausalLM(
            LlamaConfig(
                vocab_size=12, hidden_size=8, intermediate_size=10, num_hidden_layers=1, num_attention_heads=2,
                num_key_value_heads=1, tie_word_embeddings=tied, initializer_range=0.3,
            )
        )

    gpt2 = GPT2Config(
        vocab_size=12, n_embd=8, n_layer=1, n_head=2, n_positions=8, bos_token_id=0, eos_token_id=0,
        initializer_range=0.3,
    )
    return {"llama": llama(False), "tied": llama(True), "gpt2": GPT2LMHeadModel(gpt2)}


# Scalings that aren't powers of two, so that roundings differ.
ADAPTERS = {
    "llama": {
        "plain": dict(r=2, lora_alpha=3, target_modules="all-linear"),
        "rslora": dict(r=3, lora_alpha=5, target_modules=["q_proj", "down_proj"], use_rslora=True),
        "dora": dict(r=2, lora_alpha=3, target_modules="all-linear", use_dora=True, modules_to_save=["lm_head", "norm"]),
    },
    "tied": {
        "embedding": dict(r=2, lora_alpha=3, target_modules=["o_proj"], modules_to_save=["embed_tokens"]),
        "plain": dict(r=2, lora_alpha=3, target_modules=["v_proj"]),
    },
    "gpt2": {
        "plain": dict(r=2, lora_alpha=3, target_modules=["c_attn", "c_fc", "c_proj"], fan_in_fan_out=True),
        "dora": dict(r=2, lora_alpha=3, target_modules=["c_attn", "c_fc"], fan_in_fan_out=True, use_dora=True),
    },
}


def main():
    shutil.rmtree(here, ignore_errors=True)
    torch.manual_seed(0)
    for name, model in models().items():
        base = here / name / "model"
        # The first in shards, the others in one file.
        model.save_pretrained(base, max_shard_size="1KB" if name == "llama" else "1GB")
        (base / "generation_config.json").unlink(missing_ok=True)
        for kind, fields in ADAPTERS[name].items():
            folder = here / name / kind
            adapted = get_peft_model(
                AutoModelForCausalLM.from_pretrained(base),
                LoraConfig(task_type="CAUSAL_LM", init_lora_weights=False, **fields),
            )
            with torch.no_grad():
                for part, parameter in adapted.named_parameters():
                    if "magnitude" in part:
                        parameter.mul_(1 + 0.3 * torch.rand_like(parameter))
                    if "modules_to_save" in part:
                        parameter.add_(0.1 * torch.randn_like(parameter))
            adapted.save_pretrained(folder)
            (folder / "README.md").unlink(missing_ok=True)
            config = folder / "adapter_config.json"
            fields_written = json.loads(config.read_text()) | {"base_model_name_or_path": "model"}
            config.write_text(json.dumps(fields_written, indent=2) + "\n")
            merged = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), folder).merge_and_unload()
            state = {key: value.clone() for key, value in merged.state_dict().items()}
            save_file(state, here / name / f"{kind}.safetensors")


if __name__ == "__main__":
    main()
