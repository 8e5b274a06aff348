"""Writes objectives.json: losses, gradients and rewards of random pairs by torch's autograd in float64.

    python objectives.py > objectives.json

The formulas are written here a second time, batch-wise and from the papers, so that a slip in one is seen by the other.
"""
import json
import torch
from torch.nn.functional import logsigmoid

torch.manual_seed(20240514)
torch.set_default_dtype(torch.float64)
COUNT = 8


def random_pairs():
    pairs = {
        "chosen_logps": -40 * torch.rand(COUNT) - 1,
        "rejected_logps": -40 * torch.rand(COUNT) - 1,
        "chosen_length": torch.randint(1, 30, (COUNT,)),
        "rejected_length": torch.randint(1, 30, (COUNT,)),
        "chosen_margin_reward": torch.randn(COUNT),
        "rejected_margin_reward": torch.randn(COUNT),
    }
    pairs["reference_chosen_logps"] = pairs["chosen_logps"] + 4 * torch.randn(COUNT)
    pairs["reference_rejected_logps"] = pairs["rejected_logps"] + 4 * torch.randn(COUNT)
    # Ends of the range: the policy equals the reference, and both saturations.
    for name in ("chosen", "rejected"):
        pairs[f"reference_{name}_logps"][0] = pairs[f"{name}_logps"][0]
    pairs["chosen_logps"][1], pairs["rejected_logps"][1] = -9000.0, -1.0
    pairs["chosen_logps"][2], pairs["rejected_logps"][2] = -1.0, -9000.0
    return pairs


def evaluate(case, p):
    chosen, rejected = p["chosen_logps"], p["rejected_logps"]
    means = chosen / p["chosen_length"], rejected / p["rejected_length"]
    log_ratios = chosen - p["reference_chosen_logps"], rejected - p["reference_rejected_logps"]
    beta, kind = case.get("beta", 0.0), case["loss_type"]
    if kind == "sft":
        loss, rewards = -means[0], (torch.zeros(COUNT), torch.zeros(COUNT))
        combined = rewards
    elif kind == "sigmoid":
        rewards = combined = tuple(beta * r for r in log_ratios)
        logits, eps = beta * (log_ratios[0] - log_ratios[1]), case["label_smoothing"]
        loss = -(1 - eps) * logsigmoid(logits) - eps * logsigmoid(-logits)
    elif kind == "simpo":
        rewards = combined = tuple(beta * m for m in means)
        loss = -logsigmoid(rewards[0] - rewards[1] - case["gamma"])
    elif kind == "modpo":
        rewards = tuple(beta * r for r in log_ratios)
        margins = p["chosen_margin_reward"], p["rejected_margin_reward"]
        combined = tuple((r - m) / case["preference_weight"] for r, m in zip(rewards, margins))
        loss = -logsigmoid(combined[0] - combined[1])
    return loss - case.get("nll_weight", 0.0) * means[0], rewards, combined


CASES = [
    {"loss_type": "sft"},
    {"loss_type": "sigmoid", "beta": 0.1, "label_smoothing": 0.0},
    {"loss_type": "sigmoid", "beta": 0.5, "label_smoothing": 0.1},
    {"loss_type": "sigmoid", "beta": 0.1, "label_smoothing": 0.0, "nll_weight": 0.3},
    {"loss_type": "simpo", "beta": 2.0, "gamma": 1.0},
    {"loss_type": "simpo", "beta": 10.0, "gamma": 5.0, "nll_weight": 0.05},
    {"loss_type": "modpo", "beta": 0.1, "preference_weight": 0.5},
    {"loss_type": "modpo", "beta": 0.5, "preference_weight": 0.1},
]

for case in CASES:
    pairs = random_pairs()
    for name in ("chosen_logps", "rejected_logps"):
        pairs[name].requires_grad_(True)
    loss, rewards, combined = evaluate(case, pairs)
    loss.sum().backward()
    gradients = [pairs[n].grad if pairs[n].grad is not None else torch.zeros(COUNT)
                 for n in ("chosen_logps", "rejected_logps")]
    case["pairs"] = [{n: v[i].item() for n, v in pairs.items()} for i in range(COUNT)]
    case["outputs"] = [
        {
            "loss": loss[i].item(), "chosen_gradient": gradients[0][i].item(),
            "rejected_gradient": gradients[1][i].item(), "chosen_reward": rewards[0][i].item(),
            "rejected_reward": rewards[1][i].item(), "chosen_combined_reward": combined[0][i].item(),
            "rejected_combined_reward": combined[1][i].item(),
        }
        for i in range(COUNT)
    ]
print(json.dumps(CASES, indent=1))
