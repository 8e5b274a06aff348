"""Writes updates.json: what torch's optimizers do to 19 float32 weights in 20 steps.

    python3 make_updates.py     (torch 2.x, CPU; the arithmetic is torch's single-tensor path)
"""

import json
import pathlib

import torch

STEPS = 20
COUNT = 19

torch.manual_seed(7)
start = torch.randn(COUNT)
gradients = torch.randn(STEPS, COUNT) * torch.logspace(-6, 1, COUNT)
gradients[3:6, 4] = 0  # a parameter without gradient for a while
gradients[:, 5] = 0  # and one that never gets any

SETTINGS = {
    "adamw": [
        dict(lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0),
        dict(lr=1e-2, betas=(0.9, 0.95), eps=1e-6, weight_decay=0.1),
    ],
    "rmsprop": [
        dict(lr=1e-3, alpha=0.99, eps=1e-8, weight_decay=0.0),
        dict(lr=1e-3, alpha=0.9, eps=1e-6, weight_decay=0.1),
    ],
    "sgd": [dict(lr=1e-2, weight_decay=0.0), dict(lr=1e-2, weight_decay=0.1)],
}
OPTIMIZERS = {"adamw": torch.optim.AdamW, "rmsprop": torch.optim.RMSprop, "sgd": torch.optim.SGD}

runs = []
for name, settings in SETTINGS.items():
    for setting in settings:
        weight = torch.nn.Parameter(start.clone())
        optimizer = OPTIMIZERS[name]([weight], foreach=False, **setting)
        after = {}
        for step in range(1, STEPS + 1):
            weight.grad = gradients[step - 1].clone()
            optimizer.step()
            if step in (1, 2, 5, STEPS):
                after[str(step)] = weight.detach().tolist()
        beta1, beta2 = setting.get("betas", (0.0, setting.get("alpha", 0.0)))
        runs.append(
            dict(
                name=name, rate=setting["lr"], beta1=beta1, beta2=beta2,
                epsilon=setting.get("eps", 0.0), decay=setting["weight_decay"], after=after,
            )
        )

fixture = dict(torch=torch.__version__, start=start.tolist(), gradients=gradients.tolist(), runs=runs)
pathlib.Path(__file__).with_name("updates.json").write_text(json.dumps(fixture, indent=0) + "\n")
