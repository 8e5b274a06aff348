#!/usr/bin/env bash
# make.sh: makes everything in Sources/CExample/files but its two hand-written files (model/config.json and prefopt.yaml): data,
# tokenizer, and the model, which this binary's `sft` pre-trains from random weights in a minute or two.
# Needs python3 with the `tokenizers` package (for the tokenizer only) and the release build.
#
#     launch/make-example/make.sh [RANKS]        # default 2
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/../environment.sh"
cd "$repository"
here=launch/make-example
example=Sources/CExample/files
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

set -x
"$python" $here/make_data.py $example --pretrain "$work"
"$python" $here/make_tokenizer.py "$work/pretrain.jsonl.gz" $example/model
"$binary" init --config $example/model/config.json --output "$work/init" --seed 0
cp $here/pretrain.yaml "$work"
(cd "$work" && mpirun -n "${1:-2}" --oversubscribe "$binary" train pretrain.yaml)
cp "$work/pretrained/final/model.safetensors" $example/model/model.safetensors
