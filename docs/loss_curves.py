"""loss_curves.py BINARY MODEL_DIR DATA OUT.svg [--vary KEY=A,B] [--set key=value …]: the training loss with two values of a key,
for docs/optimizers.md (`optim=adamw,adamw_8bit`, the default) and docs/performance.md (`bf16=false,true`).

Trains twice with everything but that key alike, prints a table and draws both curves (means of ten steps). Needs nothing but
Python.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

arguments = argparse.ArgumentParser()
arguments.add_argument("binary")
arguments.add_argument("model")
arguments.add_argument("data")
arguments.add_argument("svg")
arguments.add_argument("--vary", default="optim=adamw,adamw_8bit")
arguments.add_argument("--set", action="append", default=[])
options = arguments.parse_args()

WIDTH, HEIGHT, MARGIN, WINDOW = 640, 320, 44, 10
KEY, _, values = options.vary.partition("=")
# The curves' names and the values that make them: of a word the value says enough.
CURVES = {value if KEY == "optim" else f"{KEY}: {value}": json.loads(value) if value in ("true", "false") else value
          for value in values.split(",")}
COLOURS = dict(zip(CURVES, ("#1f77b4", "#d62728")))
FIRST, SECOND = CURVES


def train(name, folder):
    output = pathlib.Path(folder) / name.replace(": ", "-")
    run = {
        "model_name_or_path": options.model, "train_file": options.data, "output_dir": str(output),
        "reference_cache": f"{folder}/cache", KEY: CURVES[name], "reproducible": True, "save_steps": 10000,
    }
    path = output.with_suffix(".yaml")
    path.write_text(json.dumps(run))
    command = [options.binary, "train", str(path)] + [word for item in options.set for word in ("--set", item)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    lines = (output / "metrics.jsonl").read_text().splitlines()
    size = output.glob("checkpoint-*/optimizer.safetensors")
    return [json.loads(line) for line in lines], next(size).stat().st_size


def mean(values):
    return sum(values) / len(values)


with tempfile.TemporaryDirectory() as folder:
    runs = {name: train(name, folder) for name in COLOURS}

losses = {name: [row["loss"] for row in rows] for name, (rows, _) in runs.items()}
steps = len(losses[FIRST])
print("| steps | " + " | ".join(f"`{name}`" for name in COLOURS) + " |")
print("|---" * (1 + len(COLOURS)) + "|")
for start in range(0, steps, max(WINDOW, steps // 8)):
    end = min(steps, start + WINDOW)
    cells = [f"{mean(losses[name][start:end]):.4f}" for name in COLOURS]
    print(f"| {start + 1}–{end} | " + " | ".join(cells) + " |")
print("| largest difference of a step | | " +
      f"{max(abs(a - b) for a, b in zip(losses[FIRST], losses[SECOND])):.4f} |")
for key in ("rewards/accuracies", "rewards/margins"):
    cells = [f"{mean([row[key] for row in rows[-WINDOW:]]):.3f}" for rows, _ in runs.values()]
    print(f"| {key}, last {WINDOW} steps | " + " | ".join(cells) + " |")
print("| bytes of optimizer.safetensors | " + " | ".join(f"{size:,}" for _, size in runs.values()) + " |")

smooth = {name: [mean(values[i:i + WINDOW]) for i in range(0, steps - WINDOW + 1)] for name, values in losses.items()}
low, high = min(map(min, smooth.values())), max(map(max, smooth.values()))


def place(step, loss):
    x = MARGIN + (WIDTH - 2 * MARGIN) * step / max(1, steps - WINDOW)
    y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (loss - low) / (high - low)
    return f"{x:.1f},{y:.1f}"


parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
         f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
         f'<path d="M{MARGIN},{MARGIN} V{HEIGHT - MARGIN} H{WIDTH - MARGIN}" fill="none" stroke="black"/>',
         f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">step</text>',
         f'<text x="{MARGIN}" y="{MARGIN - 10}">loss, mean of {WINDOW} steps</text>',
         f'<text x="{MARGIN - 4}" y="{MARGIN + 4}" text-anchor="end">{high:.3f}</text>',
         f'<text x="{MARGIN - 4}" y="{HEIGHT - MARGIN}" text-anchor="end">{low:.3f}</text>',
         f'<text x="{WIDTH - MARGIN}" y="{HEIGHT - MARGIN + 16}" text-anchor="end">{steps}</text>']
for row, (name, colour) in enumerate(COLOURS.items()):
    dash = "" if row == 0 else ' stroke-dasharray="5 3"'
    points = " ".join(place(step, loss) for step, loss in enumerate(smooth[name]))
    parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>')
    parts.append(f'<text x="{WIDTH - MARGIN}" y="{MARGIN + 16 * row}" text-anchor="end" fill="{colour}">{name}</text>')
pathlib.Path(options.svg).write_text("\n".join(parts + ["</svg>"]) + "\n")
