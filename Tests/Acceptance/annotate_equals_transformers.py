"""`annotate --reward model:…` and `implicit:…` beside transformers on the same texts, one by one, unpadded.

    python annotate_equals_transformers.py BINARY      # needs torch, transformers

A tiny classifier of one label and two language models with random weights and a tokenizer of single letters with a chat
template; rows of text and conversations, several responses each, an empty one among them. Rewards agree to 1e-4, and are
the same on three ranks.
"""
import json
import os
import pathlib
import random
import sys
import tempfile

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification,
                          PreTrainedTokenizerFast)

from binary_runs import read_lines, start

LETTERS = "abcdefghijklmnopqrstuvwxyz <>/:"
TEMPLATE = ("{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}{% endfor %}"
            "{% if add_generation_prompt %}<assistant>{% endif %}")
BETA = 0.3


def tokenizer(folder):
    vocabulary = {"<pad>": 0, "<eos>": 1} | {c if c != " " else "Ġ": 2 + i for i, c in enumerate(LETTERS)}
    core = Tokenizer(models.BPE(vocabulary, []))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="<eos>")
    made.chat_template = TEMPLATE
    made.save_pretrained(folder)
    return made


def config(**more):
    return AutoConfig.for_model("llama", vocab_size=2 + len(LETTERS), hidden_size=32, intermediate_size=48,
                                num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                                max_position_embeddings=128, pad_token_id=0, bos_token_id=None, eos_token_id=1,
                                initializer_range=0.3, **more)


def rows():
    chance = random.Random(3)
    text = lambda least=1: "".join(chance.choice(LETTERS[:27]) for _ in range(chance.randrange(least, 14)))
    made = []
    for number in range(12):
        prompt = "p" + text()
        if number % 2:
            prompt = [dict(role="system", content=text()), dict(role="user", content=prompt)]
        responses = [text() for _ in range(1 + number % 3)] + ([""] if number % 5 == 0 else [])
        made.append(dict(prompt=prompt, responses=responses))
    return made


def ids(tok, prompt, response):
    """(prompt, whole) as token ids."""
    if isinstance(prompt, str):
        return tok(prompt).input_ids, tok(prompt + response).input_ids + [1]
    whole = prompt + [dict(role="assistant", content=response)]
    render = lambda messages, goes: tok(tok.apply_chat_template(messages, tokenize=False, add_generation_prompt=goes),
                                        add_special_tokens=False).input_ids
    return render(prompt, True), render(whole, False)


def main():
    binary = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        folder = pathlib.Path(folder)
        torch.manual_seed(0)
        classifier = AutoModelForSequenceClassification.from_config(config(num_labels=1)).float().eval()
        policy, reference = (AutoModelForCausalLM.from_config(config()).float().eval() for _ in range(2))
        for name, model in (("classifier", classifier), ("policy", policy), ("reference", reference)):
            model.save_pretrained(folder / name)
            tok = tokenizer(folder / name)
        data = rows()
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in data))

        def annotate(name, ranks):
            start(binary, ["annotate", "--data", folder / "rows.jsonl", "--output", folder / name,
                           "--reward", f"kind=model:{folder / 'classifier'}", "--reward",
                           f"liked=implicit:{folder / 'policy'},reference={folder / 'reference'},beta={BETA}"], ranks)
            return (folder / name).read_text()

        os.environ["XDG_CACHE_HOME"] = str(folder / "cache-1")
        one = annotate("one.jsonl", 1)
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache-3")
        assert annotate("three.jsonl", 3) == one, "three ranks give other rewards"

        worst = dict(kind=0.0, liked=0.0)
        for row, found in zip(data, read_lines(folder / "one.jsonl"), strict=True):
            for place, response in enumerate(row["responses"]):
                prompt, whole = ids(tok, row["prompt"], response)
                tokens = torch.tensor([whole])

                def logps(model):
                    rows = model(tokens).logits[0, :-1].log_softmax(-1)
                    return rows.gather(1, tokens[0, 1:, None])[len(prompt) - 1:].sum().item()

                expected = dict(kind=classifier(tokens).logits.item(),
                                liked=BETA * (logps(policy) - logps(reference)))
                for name, value in expected.items():
                    worst[name] = max(worst[name], abs(found["scores"][name][place] - value))
        print(f"largest differences: {worst}")
        assert max(worst.values()) < 1e-4
    print("annotate's rewards equal transformers'")


main()
