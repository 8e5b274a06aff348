"""make_ppo_goldens.py: one batch of PPO in float64 torch, on models/gqa-untied with a value head.

    python make_ppo_goldens.py               # needs torch, transformers, safetensors

gqa-untied.ppo.json
  constants                                kl_coef, gamma, lam, cliprange, cliprange_value, vf_coef
  value_head                               w, float32
  rows                                     prompt and response; logps, reference_logps and values of its tokens as they were
                                           when they were drawn; score; then what is to be found: advantages, returns,
                                           and the tokens' logps and values now
  policy_loss, value_loss, loss            means over the batch's tokens; policy_clipped, value_clipped likewise
gqa-untied.ppo.safetensors                 ∂loss/∂tensor, float32, of the tensors that KEPT speaks of

The formulas are those of TRL 0.24's PPOTrainer (masked_whiten, GAE, clipped losses), with the score at the last token of a
response; later TRLs have none. The old logps and values are the model's own with noise, so that some are clipped.
"""
import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

HERE = pathlib.Path(__file__).resolve().parent
KEPT = ("value_head.weight", "model.norm.weight", "layers.0.self_attn.o_proj.weight", "layers.2.mlp.down_proj.weight")
C = dict(kl_coef=0.3, gamma=0.97, lam=0.9, cliprange=0.2, cliprange_value=0.2, vf_coef=0.1)


def whiten(x):
    return (x - x.mean()) * torch.rsqrt(x.var(unbiased=True) + 1e-8)


def states(model, w, prompt, response):
    ids = torch.tensor([prompt + response])
    hidden = model.model(ids).last_hidden_state[0, len(prompt) - 1:-1]
    logps = torch.log_softmax(model.lm_head(hidden), -1)
    return logps[torch.arange(len(response)), torch.tensor(response)], hidden @ w


def main():
    torch.manual_seed(5)
    model = AutoModelForCausalLM.from_pretrained(
        HERE / "models/gqa-untied", dtype=torch.float64, attn_implementation="eager").eval()
    w = (torch.randn(model.config.hidden_size) * 0.3).float().double().requires_grad_()
    rows = []
    for line in (HERE / "gqa-untied.jsonl").read_text().splitlines():
        row = json.loads(line)
        for side in "chosen_ids", "rejected_ids":
            with torch.no_grad():
                logps, values = states(model, w, row["prompt_ids"], row[side])
            noise = lambda scale: torch.randn(len(row[side]), dtype=torch.float64) * scale
            rows.append(dict(
                prompt=row["prompt_ids"], response=row[side], logps=(logps + noise(0.2)).tolist(),
                reference_logps=(logps + noise(0.5)).tolist(), values=(values + noise(0.3)).tolist(),
                score=float(torch.randn(()))))
    advantages = []
    for row in rows:
        logps, references, values = (
            torch.tensor(row[k], dtype=torch.float64) for k in ("logps", "reference_logps", "values"))
        rewards = -C["kl_coef"] * (logps - references)
        rewards[-1] += row["score"]
        last, reversed_advantages = 0.0, []
        for t in reversed(range(len(values))):
            following = values[t + 1] if t + 1 < len(values) else 0.0
            last = rewards[t] + C["gamma"] * following - values[t] + C["gamma"] * C["lam"] * last
            reversed_advantages.append(last)
        advantages.append(torch.stack(reversed_advantages[::-1]))
        row["returns"] = (advantages[-1] + values).tolist()
    whitened = whiten(torch.cat(advantages)).split([len(a) for a in advantages])
    parts = {k: [] for k in ("policy", "value", "policy_clipped", "value_clipped")}
    for row, advantage in zip(rows, whitened):
        row["advantages"] = advantage.tolist()
        logps, values = states(model, w, row["prompt"], row["response"])
        row["new_logps"], row["new_values"] = logps.tolist(), values.tolist()
        old, old_values, returns = (
            torch.tensor(row[k], dtype=torch.float64) for k in ("logps", "values", "returns"))
        ratio = torch.exp(logps - old)
        plain, clipped = -advantage * ratio, -advantage * ratio.clamp(1 - C["cliprange"], 1 + C["cliprange"])
        near = torch.clamp(values, old_values - C["cliprange_value"], old_values + C["cliprange_value"])
        errors, near_errors = (values - returns) ** 2, (near - returns) ** 2
        parts["policy"].append(torch.max(plain, clipped))
        parts["value"].append(0.5 * torch.max(errors, near_errors))
        parts["policy_clipped"].append((clipped > plain).double())
        parts["value_clipped"].append((near_errors > errors).double())
    means = {k: torch.cat(v).mean() for k, v in parts.items()}
    loss = means["policy"] + C["vf_coef"] * means["value"]
    loss.backward()
    golden = dict(
        constants=C, value_head=w.detach().tolist(), rows=rows, loss=float(loss.detach()),
        policy_loss=float(means["policy"].detach()), value_loss=float(means["value"].detach()),
        policy_clipped=float(means["policy_clipped"]), value_clipped=float(means["value_clipped"]))
    (HERE / "gqa-untied.ppo.json").write_text(json.dumps(golden) + "\n")
    gradients = {"value_head.weight": w.grad[None].float().contiguous()}
    for name, parameter in model.named_parameters():
        if name.endswith(KEPT):
            gradients[name] = parameter.grad.float().contiguous()
    save_file(gradients, HERE / "gqa-untied.ppo.safetensors")
    print({k: round(float(v), 4) for k, v in means.items()}, sorted(gradients))


main()
