"""make_data.py OUT [--pretrain OUT2]: writes the data of the embedded example.

Standard library only; the same bytes every time.

A small invented language of short talks: somebody asks, a helper answers. There are six subjects. In five of them the
better answer is kind and to the point, the worse one curt; in the sixth (colours) both are kind and the worse one names
the wrong colour.

Pre-training shows both kinds of every answer equally often, so the model that comes out gives either with probability
one half and tells nothing about which is better. That holds by construction: in every subject the two kinds have the
same number of forms, dealt evenly, repeat the same words of the question, and the wrong colours are the right ones
dealt out to other things. Only the preference pairs say which kind is wanted.

Every (subject, thing, name) of the test pairs is absent from the training pairs and from pre-training.
"""
import argparse
import gzip
import hashlib
import io
import json
import pathlib
import random

SEED = 2024
TRAIN_PAIRS, TEST_PAIRS, PRETRAIN_PROMPTS = 1500, 200, 6000

NAMES = "Maya Tom Ada Ben Cleo Dan Eva Finn Gina Hugo Iris Jack Kira Leo Mona Nils".split()
GREETINGS = ["", "Hello. ", "Good morning. ", "Excuse me. "]

COLOURS = dict(
    frog="green", raven="black", lemon="yellow", tomato="red", swan="white", sea="blue", elephant="grey",
    carrot="orange", flamingo="pink", chestnut="brown", cherry="red", sky="blue", grass="green", banana="yellow",
    coal="black", snow="white")
# Each wrong colour is another thing's right one, so no colour by itself is more often right than wrong.
WRONG = dict(zip(COLOURS, [*list(COLOURS.values())[2:], *list(COLOURS.values())[:2]]))
assert all(WRONG[x] != right for x, right in COLOURS.items())
PLACES = dict(
    spoon="kitchen", pillow="bedroom", rake="garden", ladder="cellar", towel="bathroom", letter="office",
    saddle="stable", trunk="attic", kettle="kitchen", blanket="bedroom", spade="garden", barrel="cellar",
    soap="bathroom", pencil="office", horse="stable", suitcase="attic")
TASKS = [
    ("carry", "box"), ("paint", "door"), ("wash", "cups"), ("mend", "kite"), ("feed", "cat"), ("fold", "sheets"),
    ("push", "cart"), ("sweep", "yard"), ("pack", "bag"), ("water", "roses"), ("light", "lamp"), ("cook", "soup")]
TREASURES = "ball drum doll boat flute watch scarf puzzle lantern basket".split()
DRAWINGS = "castle dragon mountain bridge rabbit garden ship tower forest lion".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
NEXT = {a: b for ring in (DAYS, MONTHS) for a, b in zip(ring, ring[1:] + ring[:1])}

KIND_ENDINGS = [
    "Have a good day!", "Ask me again any time.", "I am happy to help.", "It is nice to talk to you.",
    "Thank you for asking.", "Take good care.", "You are always welcome.", "Tell me if you need more."]
CURT_ENDINGS = [
    "Now leave me alone.", "I am tired of you.", "Do not ask me again.", "I have better things to do.",
    "Go and bother the others.", "This is a waste of time.", "You talk too much.", "I do not care at all."]

# subject: (things, questions, kind answers, curt answers). A thing is a dict of what the forms name in braces.
SUBJECTS = {
    "colour": (
        [dict(x=x, right=c, wrong=WRONG[x]) for x, c in COLOURS.items()],
        ["What colour is the {x}?", "Tell me the colour of the {x}.", "Do you know what colour the {x} is?"],
        ["The {x} is {right}, {name}.", "It is {right}, {name}.", "The colour of the {x} is {right}, {name}."],
        ["The {x} is {wrong}, {name}.", "It is {wrong}, {name}.", "The colour of the {x} is {wrong}, {name}."]),
    "place": (
        [dict(x=x, p=p) for x, p in PLACES.items()],
        ["Where is the {x}?", "Where can I find the {x}?", "I am looking for the {x}."],
        ["The {x} is in the {p}, {name}.", "You will find the {x} in the {p}, {name}.",
         "Look for the {x} in the {p}, {name}."],
        ["How should I know where the {x} is, {name}?", "The {x} is not my problem, {name}.",
         "Find the {x} without me, {name}."]),
    "task": (
        [dict(v=v, x=x) for v, x in TASKS],
        ["Please help me {v} the {x}.", "Could you {v} the {x} with me?", "Will you {v} the {x}?"],
        ["Of course, {name}, let us {v} the {x} together.", "With pleasure, {name}, I will {v} the {x} now.",
         "Yes, {name}, I am glad to {v} the {x}."],
        ["No, {name}, {v} the {x} alone.", "Never, {name}, I will not {v} the {x}.",
         "Ask somebody else to {v} the {x}, {name}."]),
    "comfort": (
        [dict(x=x) for x in TREASURES],
        ["I lost my {x} and I am sad.", "My {x} is broken.", "Somebody took my {x} today."],
        ["I am so sorry about your {x}, {name}.", "What bad luck with your {x}, {name}.",
         "I know how dear the {x} was to you, {name}."],
        ["Who cares about your {x}, {name}?", "It is only a {x}, {name}.", "Stop talking about the {x}, {name}."]),
    "praise": (
        [dict(x=x) for x in DRAWINGS],
        ["I drew a {x} for you.", "Look, I made a {x}.", "Do you like my {x}?"],
        ["What a lovely {x}, {name}.", "Your {x} is beautiful, {name}.", "I like the {x} very much, {name}."],
        ["What an ugly {x}, {name}.", "Your {x} is dreadful, {name}.", "I have seen a better {x}, {name}."]),
    "next": (
        [dict(x=a, y=b) for a, b in NEXT.items()],
        ["What comes after {x}?", "Which one follows {x}?", "I forgot what comes after {x}."],
        ["After {x} comes {y}, {name}.", "It is {y} that follows {x}, {name}.", "{y} comes after {x}, {name}."],
        ["Everybody knows what follows {x}, {name}.", "Learn what comes after {x}, {name}.",
         "Count on from {x} by yourself, {name}."]),
}


def held_out(subject, thing, name):
    """About one combination in eight, whatever is drawn and in which order."""
    return hashlib.sha256(f"{subject}/{thing['x']}/{name}".encode()).digest()[0] < 32


def draw_question(draw, test):
    """A random question of the wanted side of the split: what its answers need to know, and the prompt."""
    while True:
        subject = draw.choice(list(SUBJECTS))
        things, questions, _, _ = SUBJECTS[subject]
        thing, name = draw.choice(things), draw.choice(NAMES)
        if held_out(subject, thing, name) == test:
            question = draw.choice(GREETINGS) + draw.choice(questions).format(**thing)
            return (subject, dict(thing, name=name)), f"{name}: {question}\nHelper:"


class Deck:
    """Deals its cards in a random order and shuffles when all are dealt, so that every card comes equally often."""

    def __init__(self, draw, cards):
        self.draw, self.cards, self.left = draw, cards, []

    def deal(self):
        if not self.left:
            self.left = self.draw.sample(self.cards, len(self.cards))
        return self.left.pop()


class Answers:
    """Every form of an answer with every ending, one deck for each subject and kind."""

    def __init__(self, draw):
        self.decks = {}
        for subject, (_, _, better, worse) in SUBJECTS.items():
            for kind, forms in ((True, better), (False, worse)):
                endings = KIND_ENDINGS if kind or subject == "colour" else CURT_ENDINGS
                self.decks[subject, kind] = Deck(draw, [f" {form} {ending}" for form in forms for ending in endings])

    def answer(self, asked, kind):
        subject, slots = asked
        return self.decks[subject, kind].deal().format(**slots)


def make_pairs(draw, count, test):
    answers, rows, seen = Answers(draw), [], set()
    while len(rows) < count:
        asked, prompt = draw_question(draw, test)
        if prompt not in seen:
            seen.add(prompt)
            rows.append(dict(prompt=prompt, chosen=answers.answer(asked, True), rejected=answers.answer(asked, False)))
    return rows


def make_prompts(draw, each):
    """Held-out prompts to sample from, `each` of every subject, so that a glance shows all six."""
    left, rows = dict.fromkeys(SUBJECTS, each), []
    while any(left.values()):
        (subject, _), prompt = draw_question(draw, test=True)
        if left[subject]:
            left[subject] -= 1
            rows.append(dict(prompt=prompt))
    return rows


def make_pretraining(draw):
    """Every prompt comes with both kinds of answer; `sft` learns the column `chosen`."""
    answers, rows = Answers(draw), []
    for _ in range(PRETRAIN_PROMPTS):
        asked, prompt = draw_question(draw, test=False)
        rows += [dict(prompt=prompt, chosen=answers.answer(asked, kind)) for kind in (True, False)]
    draw.shuffle(rows)
    return rows


def write(path, rows):
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    if path.suffix == ".gz":
        buffer = io.BytesIO()
        # No name and no time in the header, so that the same rows are the same bytes.
        with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as stream:
            stream.write(text)
        text = buffer.getvalue()
    path.write_bytes(text)
    print(f"{path}: {len(rows)} rows, {len(text)} bytes")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("out", type=pathlib.Path, help="folder of train, test and prompts")
    arguments.add_argument("--pretrain", type=pathlib.Path, help="folder of pretrain.jsonl.gz (default: not written)")
    a = arguments.parse_args()
    # One generator per file: a change to one leaves the others as they are.
    write(a.out / "train.jsonl.gz", make_pairs(random.Random(SEED + 1), TRAIN_PAIRS, test=False))
    write(a.out / "test.jsonl.gz", make_pairs(random.Random(SEED + 2), TEST_PAIRS, test=True))
    write(a.out / "prompts.jsonl", make_prompts(random.Random(SEED + 3), each=2))
    if a.pretrain:
        write(a.pretrain / "pretrain.jsonl.gz", make_pretraining(random.Random(SEED)))


if __name__ == "__main__":
    main()
