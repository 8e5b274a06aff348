"""score_turns_equals_trl.py --binary .build/release/swift-prefopt [--shared ../shared/data]: SFT on every turn of dialogues.

Dialogues of real data, with a real tokenizer and its chat template, through a small random Llama:

    mask       the scored tokens are those of `return_assistant_tokens_mask` (what TRL's assistant_only_loss scores), for
               the template as it is and for the same with {% generation %} around the assistant's text
    loss       of one step against transformers in float64         limit 1e-5
    gradient   max |a − b| / max |b|, the worst tensor             limit 2e-4
    TRL        five steps of SFTTrainer with assistant_only_loss    limit 2e-4 relative
    ranks      1, 2 and 3 ranks write the same weights, bit for bit
"""
import argparse
import gzip
import json
import logging
import pathlib
import shutil
import tempfile
import warnings

import torch
from datasets import Dataset
from torch.utils.data import SequentialSampler
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from trl import SFTConfig, SFTTrainer

from binary_runs import dumped_steps, read_lines, start, train

STEPS, BATCH, RATE, LONGEST = 5, 4, 1e-3, 400


def marked(template):
    """The template with {% generation %} around what the assistant says after the text that asks for it."""
    opening = "{{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + "
    said = "content.lstrip('\\n') }}\n        {%- endif %}"
    ending = "{{- '<|im_end|>\\n' }}\n    {%- elif message.role == \"tool\" %}"
    assert template.count(opening + said) == 1 and template.count(ending) == 1, "the template isn't the one this was made for"
    template = template.replace(
        opening + said, opening.removesuffix(" + ") + " }}\n        {%- endif %}\n        {%- generation %}{{- "
        "content.lstrip('\\n') }}")
    return template.replace(ending, "{{- '<|im_end|>\\n' }}{%- endgeneration %}\n    {%- elif message.role == \"tool\" %}")


def dialogues(file, tokenizer):
    """The first real dialogues of several turns, long messages cut to their first words."""
    found = []
    for line in gzip.open(file, "rt", encoding="utf-8"):
        row = json.loads(line)
        messages = [dict(m, content=m["content"][:160]) for m in row["prompt"] + row["chosen"]]
        count = len(tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False))
        if sum(m["role"] == "assistant" for m in messages) > 1 and count <= LONGEST:
            found.append(messages)
    assert len(found) >= STEPS * BATCH, f"{len(found)} dialogues"
    return found[:STEPS * BATCH]


def truth(tokenizer, messages, template):
    """(ids, mask) of a dialogue as TRL takes them."""
    encoded = tokenizer.apply_chat_template(
        messages, chat_template=template, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
    return encoded["input_ids"], encoded["assistant_masks"]


def loss_and_gradients(model, rows):
    """The token mean over all rows, in float64."""
    count = sum(sum(mask[1:]) for _, mask in rows)
    total = 0.0
    for ids, mask in rows:
        logits = model(torch.tensor([ids])).logits[0, :-1]
        logps = torch.log_softmax(logits, -1)[torch.arange(len(ids) - 1), torch.tensor(ids[1:])]
        loss = -(logps * torch.tensor(mask[1:], dtype=torch.float64)).sum() / count
        loss.backward()
        total += loss.item()
    return total, {name: p.grad for name, p in model.named_parameters()}


def scored(binary, run, count):
    """(ids, mask) of the first dialogues as the binary sees them, up to the last scored token."""
    report = json.loads(start(binary, ["inspect", run, "--pairs", count, "--json"]))
    rows = []
    for pair in report["train"]["first_pairs"]:
        ids = [token for token, _ in pair["prompt"]]
        mask = [0] * len(ids)
        for part in pair["chosen"].get("turns", [pair["chosen"]]):
            for name, value in (("unscored", 0), ("scored", 1)):
                ids += [token for token, _ in part[name]]
                mask += [value] * len(part[name])
        rows.append((ids, mask))
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--shared", default=str(pathlib.Path(__file__).resolve().parents[3] / "shared/data"))
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    shared = pathlib.Path(given.shared)
    torch.manual_seed(3)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        tokenizer = AutoTokenizer.from_pretrained(shared / "tokenizers/minimind")
        config = LlamaConfig(
            hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            vocab_size=len(tokenizer), max_position_embeddings=1024, initializer_range=0.1, tie_word_embeddings=True)
        models = {}
        for kind in ("plain", "marked"):
            models[kind] = folder / kind
            LlamaForCausalLM(config).save_pretrained(models[kind]) if kind == "plain" else shutil.copytree(
                models["plain"], models[kind])
            for file in ("tokenizer.json", "tokenizer_config.json"):
                shutil.copy(shared / "tokenizers/minimind" / file, models[kind])
        template = marked(tokenizer.chat_template)
        (models["marked"] / "chat_template.jinja").write_text(template)
        data = dialogues(shared / "preferences/conversational_dpo_en.jsonl.gz", tokenizer)
        rows_file = folder / "rows.jsonl"
        rows_file.write_text("".join(json.dumps(dict(messages=messages)) + "\n" for messages in data))
        rows = [truth(tokenizer, messages, template) for messages in data]
        turns = sum(sum(b > a for a, b in zip([0] + mask, mask)) for _, mask in rows)
        print(f"{len(rows)} dialogues, {turns} turns, {sum(map(sum, (m for _, m in rows)))} scored tokens")

        def settings(kind, ranks=1, **more):
            return dict(
                model_name_or_path=str(models[kind]), train_file=str(rows_file), loss_type="sft", score_turns="all",
                output_dir=str(folder / f"out-{kind}-{ranks}"), shuffle=False, global_batch_size=BATCH, max_steps=STEPS,
                learning_rate=RATE, max_length=1024, threads_per_rank=1) | more

        for kind in models:
            run = folder / f"{kind}.json"
            run.write_text(json.dumps(settings(kind)))
            for number, (a, b) in enumerate(zip(scored(given.binary, run, len(rows)), rows, strict=True)):
                last = max(i for i, value in enumerate(b[1]) if value) + 1
                assert a == (b[0][:last], b[1][:last]), f"{kind}: the mask of dialogue {number} differs"
            print(f"mask      {kind:7} equal")

        dump = folder / "dump"
        train(given.binary, folder, settings(
            "plain", 0, max_steps=1, debug_dump=str(dump), global_batch_size=len(rows), reproducible=True))
        model = LlamaForCausalLM.from_pretrained(models["plain"], dtype=torch.float64)
        loss, gradients = loss_and_gradients(model, rows)
        (_, found, _), = dumped_steps(dump)
        ours = read_lines(folder / "out-plain-0/metrics.jsonl")[0]["loss"]
        worst = max(
            (found[name].double() - gradient).abs().max().item() / gradient.abs().max().item()
            for name, gradient in gradients.items() if name in found)
        print(f"loss      {ours:.7f}, torch {loss:.7f}; gradient of {len(found)} tensors: worst {worst:.1e}")
        assert abs(ours - loss) < 1e-5 and worst < 2e-4 and found

        outputs = {}
        for ranks in (1, 2, 3):
            train(given.binary, folder, settings("plain", ranks, reproducible=True), ranks)
            outputs[ranks] = (folder / f"out-plain-{ranks}/final/model.safetensors").read_bytes()
        assert outputs[1] == outputs[2] == outputs[3], "ranks differ"
        print("ranks     1, 2, 3: the same weights")

        class InOrder(SFTTrainer):
            def _get_train_sampler(self, *_):
                return SequentialSampler(self.train_dataset)

        tokenizer.chat_template = template
        trainer = InOrder(
            model=LlamaForCausalLM.from_pretrained(models["plain"], dtype=torch.float32), processing_class=tokenizer,
            train_dataset=Dataset.from_list([dict(messages=messages) for messages in data]),
            args=SFTConfig(
                output_dir=str(folder / "trl"), per_device_train_batch_size=BATCH, max_steps=STEPS, learning_rate=RATE,
                logging_steps=1, lr_scheduler_type="linear", optim="adamw_torch", use_cpu=True, bf16=False, report_to=[],
                save_strategy="no", gradient_checkpointing=False, max_length=1024, disable_tqdm=True,
                assistant_only_loss=True))
        trainer.train()
        theirs = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
        ours = [row["loss"] for row in read_lines(folder / "out-plain-1/metrics.jsonl") if "loss" in row]
        print("ours " + " ".join(f"{x:.5f}" for x in ours) + "\nTRL  " + " ".join(f"{x:.5f}" for x in theirs))
        assert all(abs(a - b) < 2e-4 * max(1, abs(b)) for a, b in zip(ours, theirs, strict=True)), "differ from TRL"


if __name__ == "__main__":
    main()
