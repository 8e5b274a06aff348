"""Starts the real binary and reads the files it leaves."""
import json
import os
import pathlib
import re
import subprocess
import sys

import yaml
from safetensors.torch import load_file


class BinaryFailed(Exception):
    pass


def start(binary, arguments, ranks=1, timeout=600):
    """Runs the command, under mpirun for more than one rank, and gives back its standard output."""
    command = [str(pathlib.Path(binary).resolve()), *map(str, arguments)]
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    if ranks > 1:
        command = ["mpirun", "-n", str(ranks), "--oversubscribe", *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment)
    if done.returncode:
        raise BinaryFailed(f"{' '.join(command)}\nexit status {done.returncode}\n{done.stderr[-4000:]}")
    return done.stdout


def train(binary, folder, settings, ranks=1, timeout=600):
    """Writes the run file into `folder`, trains, and gives back the output folder."""
    folder = pathlib.Path(folder)
    run = folder / "run.yaml"
    run.write_text(yaml.safe_dump(settings, sort_keys=False))
    start(binary, ["train", run], ranks, timeout)
    return pathlib.Path(settings["output_dir"])


def score(binary, model, data, output, reference=None, adapter=None, ranks=1, max_length=None):
    """The rows of `score --per-token`, in order."""
    arguments = ["score", "--model", model, "--data", data, "--output", output, "--per-token"]
    arguments += ["--reference", reference] if reference else []
    arguments += ["--adapter", adapter] if adapter else []
    start(binary, arguments + (["--max-length", max_length] if max_length else []), ranks)
    return read_lines(output)


def read_lines(path):
    return [json.loads(line) for line in open(path) if line.strip()]


def dumped_steps(folder):
    """[(step, gradients by tensor name, pairs)] of a debug_dump folder, in order of the steps."""
    steps = []
    for file in pathlib.Path(folder).glob("gradients-*.safetensors"):
        step = int(re.search(r"gradients-(\d+)\.", file.name)[1])
        steps.append((step, load_file(str(file)), read_lines(file.parent / f"pairs-{step}.jsonl")))
    if not steps:
        sys.exit(f"{folder}: no gradients-<step>.safetensors; was the run given debug_dump?")
    return sorted(steps, key=lambda s: s[0])
