"""check_against_trl.py: the goldens' DPO losses and gradients against TRL's own trainer, in float32.

A second opinion on pair_losses.py and on the sums it is fed: TRL's DPOTrainer gets the golden rows as token ids, one
batch of all of them, and its loss and its gradients must be the goldens' to float32 rounding. Needs trl (1.16 or so).
"""
import json
import pathlib
import tempfile

import torch
from datasets import Dataset
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer

HERE = pathlib.Path(__file__).resolve().parent


def stub_tokenizer():
    """The trainer insists on a tokenizer and a data set; neither is used."""
    words = Tokenizer(models.WordLevel({f"t{i}": i for i in range(97)}, unk_token="t0"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=words, eos_token="t0", pad_token="t1")


def batch(rows):
    """TRL's layout: all chosen sequences, then all rejected ones, padded on the right."""
    pairs = [(row["prompt_ids"], row[side + "_ids"]) for side in ("chosen", "rejected") for row in rows]
    longest = max(len(p) + len(r) for p, r in pairs)
    ids, attention, completion = (torch.zeros(len(pairs), longest, dtype=torch.long) for _ in range(3))
    for i, (prompt, response) in enumerate(pairs):
        end = len(prompt) + len(response)
        ids[i, :end] = torch.tensor(prompt + response)
        attention[i, :end] = 1
        completion[i, len(prompt) : end] = 1
    return dict(input_ids=ids, attention_mask=attention, completion_mask=completion)


def main():
    for file in sorted(HERE.glob("*.json")):
        golden = json.loads(file.read_text())
        rows = [json.loads(line) for line in open(HERE / golden["rows"])]
        for objective in golden["objectives"]:
            settings = objective["settings"]
            # Since TRL 1.x its `sigmoid` ignores label_smoothing, so the smoothed form has no twin there.
            if settings["loss_type"] != "sigmoid" or "label_smoothing" in settings:
                continue
            policy, reference = (
                LlamaForCausalLM.from_pretrained(HERE / golden[role], dtype=torch.float32)
                for role in ("model", "reference"))
            with tempfile.TemporaryDirectory() as folder:
                trainer = DPOTrainer(
                    model=policy, ref_model=reference, processing_class=stub_tokenizer(),
                    args=DPOConfig(
                        output_dir=folder, beta=settings["beta"], loss_type=["sigmoid"], use_cpu=True, bf16=False,
                        report_to=[], gradient_checkpointing=False),
                    train_dataset=Dataset.from_list([dict(prompt="t1", chosen="t2", rejected="t3")]))
                loss = trainer.compute_loss(trainer.model, batch(rows))
            policy.zero_grad()
            loss.backward()
            worst = 0.0
            if objective["gradients"]:
                for name, expected in load_file(str(HERE / objective["gradients"])).items():
                    found = policy.get_parameter(name).grad
                    worst = max(worst, ((found - expected).abs().max() / expected.abs().max()).item())
            difference = abs(loss.item() - objective["loss"])
            print(f"{file.stem}: loss differs by {difference:.1e}, gradients by {worst:.1e} relative")
            assert difference < 1e-5 and worst < 1e-4


if __name__ == "__main__":
    main()
