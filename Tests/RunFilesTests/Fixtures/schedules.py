"""Writes schedules.json: learning-rate factors by transformers' own get_scheduler.

    python schedules.py > schedules.json
"""
import json
import torch
from transformers import TrainingArguments, get_scheduler

cases = []
for kind in ("linear", "cosine", "constant", "constant_with_warmup"):
    for total, warmup in ((10, 0), (10, 3), (37, 0.1), (7, 0.5), (5, 5), (3, 8), (1, 0)):
        if kind == "constant" and warmup:
            continue
        steps = TrainingArguments(output_dir="unused", warmup_steps=warmup, use_cpu=True).get_warmup_steps(total)
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        scheduler = get_scheduler(kind, optimizer, num_warmup_steps=steps, num_training_steps=total)
        factors = []
        for _ in range(total):
            factors.append(scheduler.get_last_lr()[0])
            optimizer.step()
            scheduler.step()
        cases.append({"kind": kind, "total": total, "warmup": warmup, "warmup_steps": steps, "factors": factors})
print(json.dumps(cases, indent=None).replace("}, {", "},\n{"))
