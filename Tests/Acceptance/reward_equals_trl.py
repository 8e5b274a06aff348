"""Reward models beside TRL's RewardTrainer and transformers' …ForSequenceClassification.

    python reward_equals_trl.py BINARY [FAMILY …]      # needs torch, transformers, trl, peft, datasets

For each family a tiny checkpoint with random weights and a tokenizer of single letters:
1. five steps from a classifier of one label on the same rows in the same order: losses, accuracy, margins and weights of
   both trainers, with margins and centering; and on three ranks, whose weights are those of one;
2. the gradient of the first batch against float64 autograd;
3. a language model becomes a reward model: transformers opens final/ with the same rewards to 1e-4, padded in one batch,
   and so does peft the adapter of a LoRA run;
4. score and evaluate read it, and MODPO takes it as {reward: "model:DIR"}.
"""
import json
import pathlib
import random
import sys
import tempfile

import torch
from datasets import Dataset
from peft import PeftModel
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification,
                          PreTrainedTokenizerFast)
from trl import RewardConfig, RewardTrainer

from binary_runs import dumped_steps, read_lines, start, train

LETTERS = "abcdefghijklmnopqrstuvwxyz "
SHAPE = dict(vocab_size=2 + len(LETTERS), hidden_size=32, intermediate_size=48, num_hidden_layers=2,
             num_attention_heads=4, num_key_value_heads=2, head_dim=8, max_position_embeddings=64, pad_token_id=0,
             bos_token_id=None, eos_token_id=1, initializer_range=0.3)
FAMILIES = ["llama", "mistral", "qwen2", "qwen3", "gemma", "gpt2", "gpt_neox"]
CENTERING, RATE, STEPS, BATCH = 0.02, 1e-3, 5, 4


def tokenizer(folder):
    vocabulary = {"<pad>": 0, "<eos>": 1} | {c if c != " " else "Ġ": 2 + i for i, c in enumerate(LETTERS)}
    core = Tokenizer(models.BPE(vocabulary, []))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="<eos>")
    made.save_pretrained(folder)
    return made


def config(family, **more):
    shape = dict(SHAPE)
    if family == "gpt2":
        shape = dict(vocab_size=SHAPE["vocab_size"], n_embd=32, n_layer=2, n_head=4, n_positions=64, pad_token_id=0,
                     bos_token_id=1, eos_token_id=1, initializer_range=0.3, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
    if family == "gpt_neox":
        shape["num_key_value_heads"] = shape["head_dim"] = None
        shape["bos_token_id"] = 1
    shape = {k: v for k, v in shape.items() if v is not None}
    return AutoConfig.for_model(family, **shape, **more)


def rows(count, seed, most):
    chance = random.Random(seed)
    text = lambda: "".join(chance.choice(LETTERS) for _ in range(chance.randrange(2, most)))
    return [dict(prompt="p" + text(), chosen=text() + "a", rejected=text() + "b", margin=round(chance.random(), 3))
            for _ in range(count)]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def ids(tok, row):
    return [tok(row["prompt"] + row[side]).input_ids + [1] for side in ("chosen", "rejected")]


def rewards(model, tok, data):
    """[rows, 2], all in one padded batch."""
    texts = [one for row in data for one in ids(tok, row)]
    width = max(map(len, texts))
    batch = torch.tensor([one + [0] * (width - len(one)) for one in texts])
    mask = torch.tensor([[1] * len(one) + [0] * (width - len(one)) for one in texts])
    with torch.no_grad():
        return model(input_ids=batch, attention_mask=mask).logits.view(-1, 2)


def near(what, ours, theirs, limit):
    worst = (torch.as_tensor(ours).double() - torch.as_tensor(theirs).double()).abs().max().item()
    print(f"    {what}: {worst:.2e}")
    assert worst <= limit, f"{what} differ by {worst}, more than {limit}"


def settings(folder, model, name, **more):
    return dict(model_name_or_path=str(model), train_file=str(folder / "train.jsonl"), output_dir=str(folder / name),
                loss_type="reward", global_batch_size=BATCH, max_steps=STEPS, learning_rate=RATE,
                lr_scheduler_type="constant", warmup_steps=0, shuffle=False, threads_per_rank=1, max_length=64,
                reference_cache=str(folder / "cache"), **more)


def with_trl(folder, classifier, tok, data):
    arguments = RewardConfig(
        output_dir=str(folder / "trl"), per_device_train_batch_size=BATCH, max_steps=STEPS, learning_rate=RATE,
        lr_scheduler_type="constant", logging_steps=1, save_strategy="no", report_to=[], use_cpu=True, bf16=False,
        gradient_checkpointing=False, center_rewards_coefficient=CENTERING, max_length=64, disable_tqdm=True,
        disable_dropout=True, seed=0)
    model = AutoModelForSequenceClassification.from_pretrained(classifier, dtype=torch.float32)
    encoded = [dict(zip(("chosen_ids", "rejected_ids"), ids(tok, row)), margin=row["margin"]) for row in data]

    class InOrder(RewardTrainer):
        def _get_train_sampler(self, *_):
            return torch.utils.data.SequentialSampler(self.train_dataset)

    trainer = InOrder(model=model, args=arguments, train_dataset=Dataset.from_list(encoded), processing_class=tok)
    trainer.train()
    return trainer.model, [row for row in trainer.state.log_history if "loss" in row]


def double_gradients(classifier, tok, data):
    model = AutoModelForSequenceClassification.from_pretrained(classifier, dtype=torch.float64).eval()
    total = 0
    for row in data:
        w, l = (model(torch.tensor([one])).logits[0, 0] for one in ids(tok, row))
        total = total - torch.nn.functional.logsigmoid(w - l - row["margin"]) + CENTERING * (w + l) ** 2
    (total / len(data)).backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}, (total / len(data)).item()


def check(binary, family, folder):
    torch.manual_seed(FAMILIES.index(family))
    language = folder / "language"
    AutoModelForCausalLM.from_config(config(family)).float().save_pretrained(language)
    tok = tokenizer(language)
    classifier = folder / "classifier"
    AutoModelForSequenceClassification.from_config(config(family, num_labels=1)).float().save_pretrained(classifier)
    tokenizer(classifier)
    data = rows(STEPS * BATCH, family, 14)
    write(folder / "train.jsonl", data)
    write(folder / "plain.jsonl", [{k: v for k, v in row.items() if k != "margin"} for row in data])

    print("  as TRL")
    theirs, log = with_trl(folder, classifier, tok, data)
    more = dict(center_rewards_coefficient=CENTERING, reproducible=True, max_grad_norm=1.0)
    out = train(binary, folder, settings(folder, classifier, "ours", debug_dump=str(folder / "dump"), **more))
    steps = [row for row in read_lines(out / "metrics.jsonl") if "loss" in row]
    near("losses", [row["loss"] for row in steps], [row["loss"] for row in log], 2e-4)
    near("accuracies", [row["rewards/accuracies"] for row in steps], [row["accuracy"] for row in log], 1e-6)
    near("margins", [row["rewards/margins"] for row in steps], [row["margin"] for row in log], 2e-4)
    opened = AutoModelForSequenceClassification.from_pretrained(out / "final", dtype=torch.float32).eval()
    near("rewards after training", rewards(opened, tok, data), rewards(theirs.eval(), tok, data), 2e-3)
    train(binary, folder, settings(folder, classifier, "three", **more), ranks=3)
    one, three = (load_file(folder / name / "final/model.safetensors") for name in ("ours", "three"))
    assert all(torch.equal(one[name], three[name]) for name in one), "three ranks give other weights"

    print("  gradient")
    gradients, loss = double_gradients(classifier, tok, data[:BATCH])
    _, ours, pairs = dumped_steps(folder / "dump")[0]
    near("loss", sum(pair["loss"] for pair in pairs) / BATCH, loss, 1e-5)
    for name, gradient in gradients.items():
        scale = gradient.abs().max().item()
        worst = (ours[name].double() - gradient).abs().max().item()
        assert worst <= 2e-4 * scale + 1e-8, f"{name}: {worst} of {scale}"
    print(f"    {len(gradients)} tensors within 2e-4 of their largest element")

    print("  from a language model")
    out = train(binary, folder, settings(folder, language, "fresh"))
    opened, loading = AutoModelForSequenceClassification.from_pretrained(
        out / "final", dtype=torch.float32, output_loading_info=True)
    assert opened.config.num_labels == 1 and not any(loading[key] for key in ("missing_keys", "unexpected_keys")), loading
    table = folder / "rewards.jsonl"
    start(binary, ["score", "--model", out / "final", "--data", folder / "plain.jsonl", "--output", table])
    ours = [[row["chosen_reward"], row["rejected_reward"]] for row in read_lines(table)]
    near("rewards", ours, rewards(opened.eval(), tok, data), 1e-4)

    print("  adapters")
    out = train(binary, folder, settings(folder, language, "adapter", use_peft=True, lora_r=4, lora_dropout=0.0,
                                         modules_to_save=["score"]))
    base = AutoModelForSequenceClassification.from_pretrained(language, num_labels=1, dtype=torch.float32)
    base.config.pad_token_id = 0
    start(binary, ["score", "--model", out / "final", "--data", folder / "plain.jsonl", "--output", table])
    ours = [[row["chosen_reward"], row["rejected_reward"]] for row in read_lines(table)]
    near("rewards", ours, rewards(PeftModel.from_pretrained(base, out / "final").eval(), tok, data), 1e-4)

    print("  read back")
    run = folder / "run.yaml"
    run.write_text(json.dumps(settings(folder, language, "x", eval_file=str(folder / "train.jsonl"))))
    row = json.loads(start(binary, ["evaluate", run, "--model", folder / "fresh/final"]))
    expected = rewards(opened, tok, data)
    near("evaluate's accuracy", row["eval_rewards/accuracies"], (expected[:, 0] > expected[:, 1]).double().mean(), 1e-6)
    modpo = settings(folder, language, "modpo") | dict(
        loss_type="modpo", train_file=str(folder / "plain.jsonl"), preference_name="liked",
        weights=dict(liked=0.5, rated=0.5), margins=dict(rated=dict(reward=f"model:{folder / 'fresh/final'}")))
    out = train(binary, folder, modpo)
    first = next(row for row in read_lines(out / "metrics.jsonl") if "loss" in row)
    # The policy is the reference: −log σ(−w₁ Δm / w₀).
    difference = (expected[:BATCH, 0] - expected[:BATCH, 1]).double()
    near("MODPO's first loss", first["loss"], -torch.nn.functional.logsigmoid(-difference).mean(), 1e-4)


def main():
    binary, families = sys.argv[1], sys.argv[2:] or FAMILIES
    for family in families:
        print(family)
        with tempfile.TemporaryDirectory() as folder:
            check(binary, family, pathlib.Path(folder))
    print("reward models equal TRL's and transformers'")


main()
