"""Merges random tiny models and adapters with PEFT in torch and with swift-prefopt, and compares weights and logits.

    python Tests/Acceptance/merge_equals_peft.py .build/release/swift-prefopt        (torch, transformers, peft)

LoRA, rank-stabilised, DoRA, Conv1D, tied embeddings, modules_to_save, shards; weighted sums of adapters, in the model and
as one adapter (which PEFT must open without a warning); weighted sums of checkpoints.
"""

import pathlib
import subprocess
import sys
import tempfile
import warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM, Gemma2Config, Gemma2ForCausalLM, GPT2Config, GPT2LMHeadModel, GPTNeoXConfig,
    GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM, Phi3Config, Phi3ForCausalLM,
)
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()
LIMIT = 1e-6
IDS = torch.randint(0, 96, (2, 9), generator=torch.Generator().manual_seed(1))
SHAPE = dict(
    vocab_size=96, hidden_size=40, intermediate_size=56, num_hidden_layers=2, num_attention_heads=4,
    initializer_range=0.2,
)
failures = 0


def model(kind, tied, seed=3):
    torch.manual_seed(seed)
    if kind == "llama":
        return LlamaForCausalLM(LlamaConfig(**SHAPE, num_key_value_heads=2, tie_word_embeddings=tied))
    if kind == "gpt2":
        return GPT2LMHeadModel(
            GPT2Config(
                vocab_size=96, n_embd=40, n_layer=2, n_head=4, n_positions=64, initializer_range=0.2, bos_token_id=0,
                eos_token_id=0,
            )
        )
    if kind == "neox":
        return GPTNeoXForCausalLM(GPTNeoXConfig(**SHAPE, tie_word_embeddings=tied))
    if kind == "phi3":
        return Phi3ForCausalLM(
            Phi3Config(
                **SHAPE, num_key_value_heads=2, pad_token_id=0, bos_token_id=1, eos_token_id=2, tie_word_embeddings=tied
            )
        )
    return Gemma2ForCausalLM(Gemma2Config(**SHAPE, num_key_value_heads=2, head_dim=10))


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def make_adapter(base, folder, seed, **fields):
    torch.manual_seed(seed)
    adapted = get_peft_model(load(base), LoraConfig(task_type="CAUSAL_LM", init_lora_weights=False, **fields))
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "magnitude" in name:
                parameter.mul_(1 + 0.3 * torch.rand_like(parameter))
            if "modules_to_save" in name:
                parameter.add_(0.1 * torch.randn_like(parameter))
    adapted.save_pretrained(folder)


def merge(*arguments):
    subprocess.run([sys.argv[1], "merge", *map(str, arguments)], check=True, capture_output=True, text=True)


def report(what, worst, limit=LIMIT):
    global failures
    failures += worst > limit
    print(f"{'ok  ' if worst <= limit else 'FAIL'} {worst:.1e}  {what}", flush=True)


def difference(folder, state):
    found = {}
    for file in pathlib.Path(folder).glob("*.safetensors"):
        found.update(load_file(file))
    worst = 0.0
    for name, values in state.items():
        if name not in found and name in ("lm_head.weight", "embed_out.weight"):
            continue  # The embedding's, or under its other name.
        worst = max(worst, ((found[name].double() - values.double()).abs().max() / values.abs().max()).item())
    return worst


SINGLE = [
    ("llama", False, dict(r=4, lora_alpha=16, target_modules=["q_proj", "v_proj"])),
    ("llama", False, dict(r=4, lora_alpha=13, target_modules="all-linear", use_rslora=True)),
    ("llama", False, dict(r=5, lora_alpha=7, target_modules="all-linear", use_dora=True, modules_to_save=["lm_head", "norm"])),
    ("llama", True, dict(r=3, target_modules="all-linear")),
    ("llama", True, dict(r=3, target_modules="all-linear", modules_to_save=["embed_tokens"])),
    ("llama", True, dict(r=3, target_modules="all-linear", modules_to_save=["lm_head"])),
    ("llama", True, dict(r=3, target_modules="all-linear", modules_to_save=["lm_head", "embed_tokens"])),
    ("llama", False, dict(r=3, target_modules=["q_proj", "lm_head"])),
    ("gpt2", True, dict(r=3, lora_alpha=16, target_modules=["c_attn", "c_proj", "c_fc"], fan_in_fan_out=True)),
    ("gpt2", True, dict(r=3, target_modules=["c_attn", "c_fc"], fan_in_fan_out=True, use_dora=True, use_rslora=True)),
    ("neox", False, dict(r=3, target_modules="all-linear", use_dora=True)),
    ("phi3", False, dict(r=3, target_modules=r".*qkv_proj|.*down_proj")),
    ("gemma2", True, dict(r=3, target_modules="all-linear", use_dora=True)),
]
SEVERAL = [
    ("llama", [
        dict(r=4, target_modules="all-linear"),
        dict(r=6, lora_alpha=5, target_modules=["q_proj", "up_proj"], use_rslora=True),
    ]),
    ("gpt2", [
        dict(r=4, target_modules=["c_attn"], fan_in_fan_out=True, modules_to_save=["ln_f"]),
        dict(r=3, target_modules=["c_fc", "c_proj"], fan_in_fan_out=True),
    ]),
    ("llama", [
        dict(r=4, target_modules="all-linear", use_dora=True), dict(r=6, lora_alpha=3, target_modules=["q_proj"]),
    ]),
]


def single(root):
    for number, (kind, tied, fields) in enumerate(SINGLE):
        folder = root / f"single{number}"
        base = folder / "base"
        model(kind, tied).save_pretrained(base, max_shard_size="40KB" if number % 2 else "5GB")
        make_adapter(base, folder / "adapter", 10 + number, **fields)
        adapted = PeftModel.from_pretrained(load(base), folder / "adapter").eval()
        with torch.no_grad():
            logits = adapted(IDS).logits
        state = adapted.merge_and_unload().state_dict()
        merge("--model", base, "--adapter", folder / "adapter", "--output", folder / "out")
        what = f"{kind}{', tied' if tied else ''}: {fields}"
        report(what, difference(folder / "out", state))
        with torch.no_grad():
            report("  its logits in transformers", (load(folder / "out")(IDS).logits - logits).abs().max().item(), 1e-4)


def several(root):
    weights = [0.3, 1.1]
    for number, (kind, adapters) in enumerate(SEVERAL):
        folder = root / f"several{number}"
        base = folder / "base"
        model(kind, kind == "gpt2").save_pretrained(base)
        original = {name: values.clone().double() for name, values in load(base).state_dict().items()}
        expected = {name: values.clone() for name, values in original.items()}
        for place, fields in enumerate(adapters):
            make_adapter(base, folder / f"a{place}", 40 + place, **fields)
            merged = PeftModel.from_pretrained(load(base), folder / f"a{place}").merge_and_unload().state_dict()
            for name in expected:
                expected[name] += weights[place] * (merged[name].double() - original[name])
        parts = [f"{folder}/a{place}:{weight}" for place, weight in enumerate(weights)]
        merge("--model", base, "--adapters", *parts, "--output", folder / "out")
        report(f"{kind}: {weights} of {adapters}", difference(folder / "out", expected))
        if any(fields.get("use_dora") for fields in adapters):
            continue
        merge("--model", base, "--adapters", *parts, "--output", folder / "one", "--as-adapter")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", FutureWarning)
            one = PeftModel.from_pretrained(load(base), folder / "one")
        merged = one.merge_and_unload().state_dict()
        worst = max(((merged[n].double() - v).abs().max() / v.abs().max()).item() for n, v in expected.items())
        report("  as one adapter, merged by peft", worst)


def checkpoints(root):
    folder = root / "checkpoints"
    for place in range(2):
        model("llama", False, seed=70 + place).save_pretrained(folder / f"m{place}", max_shard_size=["5GB", "30KB"][place])
    states = [load(folder / f"m{place}").state_dict() for place in range(2)]
    merge("--models", f"{folder}/m0:0.3", f"{folder}/m1:0.7", "--output", folder / "out")
    expected = {name: 0.3 * states[0][name].double() + 0.7 * states[1][name].double() for name in states[0]}
    report("checkpoints, 0.3 and 0.7", difference(folder / "out", expected))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as root:
        for part in (single, several, checkpoints):
            part(pathlib.Path(root))
    sys.exit(failures > 0)
