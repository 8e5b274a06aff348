"""Reads the files that `generate --format` writes by the benchmarks' own readers.

    pip install --no-deps alpaca_eval fschat    # and pandas, datasets, tqdm, PyYAML where they are missing
    python Tests/Acceptance/benchmark_files_read.py .build/release/swift-prefopt MODEL [ARENA_HARD]

MODEL is any model's folder with a tokenizer, ARENA_HARD a clone of lmarena/arena-hard-auto. What those packages import for
their judges alone (clients of endpoints) is replaced by nothing.
"""

import importlib.abc
import importlib.machinery
import json
import pathlib
import subprocess
import sys
import tempfile
import types


class Nothing(types.ModuleType):
    """Stands for a package that reading needs nothing of, with all that may be asked of it."""

    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__getattr__": lambda self, name: None})


class Absent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds nothing in place of these packages, unless they are installed."""

    names = {"anthropic", "boto3", "dotenv", "fire", "openai", "patsy", "requests", "scipy", "shortuuid", "sklearn",
             "tiktoken"}

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in self.names:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return Nothing(spec.name)

    def exec_module(self, module):
        pass


def main(program, model, arena=None):
    folder = pathlib.Path(tempfile.mkdtemp())
    questions = folder / "questions.jsonl"
    rows = [
        {"question_id": 81, "uid": "a", "category": "writing", "instruction": "Say a word.", "turns": ["Say a word."]},
        {"question_id": 82, "uid": "b", "category": "math", "instruction": "Two?", "turns": ["Two?"]},
    ]

    def write(rows):
        questions.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def generate(format, output):
        output.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [program, "generate", "--model", model, "--prompts", questions, "--format", format, "--model-name", "toy",
             "--max-new-tokens", "16", "--output", output], check=True)
        return output

    write(rows)
    sys.meta_path.append(Absent())
    sys.modules["fastchat.model"] = Nothing("fastchat.model")
    sys.modules["fastchat.model.model_adapter"] = Nothing("fastchat.model.model_adapter")
    from alpaca_eval import utils

    frame = utils.load_or_convert_to_dataframe(generate("alpaca-eval", folder / "outputs.json"))
    assert list(frame["instruction"]) == ["Say a word.", "Two?"] and set(frame["generator"]) == {"toy"}, frame
    assert all(isinstance(text, str) for text in frame["output"])
    print("alpaca_eval", "reads", len(frame), "outputs")

    from fastchat.llm_judge import common

    first = generate("arena-hard-v0.1", folder / "v0.1" / "toy.jsonl")
    answers = common.load_model_answers(str(first.parent))["toy"]
    assert answers[81]["choices"][0]["turns"][0]["content"] and answers[82]["model_id"] == "toy", answers

    write([dict(rows[0], turns=["Say a word.", "Another?"]), rows[1]])
    answers = common.load_model_answers(str(generate("mt-bench", folder / "mt" / "toy.jsonl").parent))["toy"]
    assert len(answers[81]["choices"][0]["turns"]) == 2 and len(answers[82]["choices"][0]["turns"]) == 1, answers
    match = common.MatchSingle(dict(rows[0]), "toy", answers[81], None)
    assert match.answer["choices"][0]["turns"][1]
    print("fastchat", "reads", len(answers), "answers of MT-Bench and of Arena-Hard v0.1")

    write([dict(row, prompt=row["turns"][0]) for row in rows])
    arena_file = generate("arena-hard", folder / "arena" / "toy.jsonl")
    if arena:
        sys.path.insert(0, arena)
        from utils.add_markdown_info import count_markdown_elements, remove_pattern
        from utils.completion import load_model_answers

        answers = load_model_answers(str(arena_file.parent))["toy"]
        for uid, answer in answers.items():
            said = answer["messages"][-1]["content"]["answer"]
            counts = count_markdown_elements(remove_pattern(said, __import__("re").compile("```([^`]*)```")), "")
            assert {k: v for k, v in answer["metadata"].items() if k != "token_len"} == counts, uid
        print("arena-hard-auto", "reads", len(answers), "answers")


if __name__ == "__main__":
    main(*sys.argv[1:])
