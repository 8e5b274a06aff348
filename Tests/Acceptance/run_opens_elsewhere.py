"""run_opens_elsewhere.py RUN: what a run wrote for others is read by the others' own readers.

RUN is output_dir of a run with `report_to: tensorboard` and an eval_file. TensorBoard's event reader gets every number
of metrics.jsonl, each step once, and a histogram for each evaluation; huggingface_hub's model card reader gets the
head of final/README.md and its results.
"""
import argparse
import collections
import math
import pathlib
import sys

from huggingface_hub import ModelCard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from binary_runs import read_lines


def check_events(run):
    accumulator = EventAccumulator(
        str(run / "tensorboard"), size_guidance={"scalars": 0, "histograms": 0, "tensors": 0})
    accumulator.Reload()
    expected = collections.defaultdict(dict)
    for row in read_lines(run / "metrics.jsonl"):
        for name, value in row.items():
            if name != "step" and isinstance(value, (int, float)) and not isinstance(value, bool):
                tag = f"eval/{name[5:]}" if name.startswith("eval_") else f"train/{name}"
                expected[tag][row["step"]] = value
    tags = accumulator.Tags()
    if set(tags["scalars"]) != set(expected):
        sys.exit(f"FAIL scalars: {set(tags['scalars']) ^ set(expected)}")
    for tag, values in expected.items():
        events = accumulator.Scalars(tag)
        if [event.step for event in events] != sorted(values):
            sys.exit(f"FAIL {tag}: steps {[event.step for event in events]}")
        for event in events:
            if not math.isclose(event.value, values[event.step], rel_tol=1e-6, abs_tol=1e-30):
                sys.exit(f"FAIL {tag} at step {event.step}: {event.value}, expected {values[event.step]}")
    count = 0
    for tag in tags["histograms"]:
        for event in accumulator.Histograms(tag):
            judged = expected["eval/pairs"][event.step]
            found = event.histogram_value
            if found.num != judged or sum(found.bucket) != judged or len(found.bucket) != len(found.bucket_limit):
                sys.exit(f"FAIL {tag} at step {event.step}: {found.num} and {sum(found.bucket)} of {judged}")
            count += 1
    print(f"ok   TensorBoard: {len(expected)} scalars, {count} histograms, texts {tags['tensors']}")


def check_card(run):
    card = ModelCard.load(run / "final" / "README.md")
    results = card.data.eval_results
    if not results or any(not isinstance(result.metric_value, float) for result in results):
        sys.exit(f"FAIL final/README.md: results {results}")
    ModelCard(str(card))
    print(f"ok   huggingface_hub: {card.data.library_name}, {card.data.pipeline_tag}, "
          + ", ".join(f"{result.metric_name} {result.metric_value}" for result in results))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("run", type=pathlib.Path)
    a = arguments.parse_args()
    check_events(a.run)
    check_card(a.run)


if __name__ == "__main__":
    main()
