"""make_adapter_goldens.py: PEFT adapters on models/gqa-untied, and what PEFT computes with them in float64.

Writes adapters/<kind>/ (random values, as save_pretrained leaves them), adapters/<kind>.json (logps of the rows of
gqa-untied.jsonl with the adapter and without, and each pair's DPO loss at beta 0.1) and adapters/<kind>.safetensors
(the gradient of the mean loss). Run it from this folder; needs torch, transformers, peft and safetensors.
"""
import json
import pathlib
import shutil
import sys

import torch
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Acceptance"))

from compare_adapters import BETA, logps, make_adapter, plain_name  # noqa: E402

BASE = HERE / "models" / "gqa-untied"
ROWS = [json.loads(line) for line in open(HERE / "gqa-untied.jsonl")]

for kind in ("all-linear", "dora"):
    folder = HERE / "adapters" / kind
    shutil.rmtree(folder, ignore_errors=True)
    make_adapter(BASE, kind, folder)
    (folder / "README.md").unlink(missing_ok=True)
    config = json.loads((folder / "adapter_config.json").read_text())
    # The tests name the base themselves.
    config["base_model_name_or_path"] = None
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")

    model = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, folder, is_trainable=True).double().eval()
    result, total = [], 0.0
    for row in ROWS:
        sums = {}
        for side in ("chosen", "rejected"):
            sums[side] = logps(model, row["prompt_ids"], row[side + "_ids"]).sum()
            with torch.no_grad(), model.disable_adapter():
                sums["reference_" + side] = logps(model, row["prompt_ids"], row[side + "_ids"]).sum()
        ratio = sums["chosen"] - sums["rejected"] - sums["reference_chosen"] + sums["reference_rejected"]
        loss = -torch.nn.functional.logsigmoid(BETA * ratio)
        total = total + loss / len(ROWS)
        result.append(dict({name: value.item() for name, value in sums.items()}, loss=loss.item()))
    total.backward()
    gradients = {plain_name(n): p.grad.float() for n, p in model.named_parameters() if p.requires_grad}
    save_file(gradients, HERE / "adapters" / f"{kind}.safetensors")
    (HERE / "adapters" / f"{kind}.json").write_text(json.dumps(dict(loss=total.item(), rows=result), indent=1) + "\n")
    print(kind, len(gradients), "tensors, loss", total.item())
