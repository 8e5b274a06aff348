#!/usr/bin/env bash
# quickstart.sh: builds the program, trains the embedded example on two ranks, and shows what the training changed.
#
#   launch/quickstart.sh
#
# The example is a small base model (pre-trained on kind and curt answers alike) and 1,500 pairs that prefer the kind
# ones. It is unpacked to prefopt-example/ beside this README; an earlier run of it is set aside, not deleted.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$repository"
read_options none "" "$@"

launch/setup.sh

program=.build/release/swift-prefopt
example=prefopt-example
run=$example/prefopt.yaml
base=$example/model
trained=$example/out/final
shown=6
temperature=0.7

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Held-out metrics and sampled responses of a model.
look() {
    local name=$1 model=$2
    announce "$program" evaluate "$run" --model "$model" >"$work/$name.json"
    announce "$program" generate --model "$model" --prompts "$example/prompts.jsonl" --output "$work/$name.texts" \
        --max-new-tokens 48 --temperature "$temperature" --seed 7
}

# A number out of a JSON object, by its name.
number() { sed -n "s|.*\"$2\": *\(-\{0,1\}[0-9][0-9.eE+-]*\).*|\1|p" "$work/$1.json"; }

# The text under a name in a line of the responses, made one line.
text() {
    sed -n "$3 s/.*\"$2\": *\"\(\([^\"\\\\]\|\\\\.\)*\)\".*/\1/p" "$work/$1.texts" \
        | sed 's/\\n/ /g; s/\\"/"/g; s/\\\\/\\/g; s/^ *//'
}

per_cent() { awk -v share="$1" 'BEGIN { printf "%.1f %%", 100 * share }'; }

say ""
say "== the example"
announce "$program" example "$example"
say ""
say "== before: the base model"
look before "$base"
say ""
say "== training; \`mpirun -n 2 $program\` in an empty folder is the same job"
launcher=(mpirun -n 2)
if [ "$(nproc)" -lt 2 ]; then launcher+=(--oversubscribe); fi
start=$SECONDS
announce "${launcher[@]}" "$program" train "$run" --resume never
seconds=$((SECONDS - start))
say ""
say "== after: the trained model"
look after "$trained"

share() { per_cent "$(number "$1" "eval_$2/accuracies")"; }
decimal() { printf '%.4f' "$(number "$1" "eval_$2")"; }
row() { printf '%-52s %9s %9s\n' "$@"; }
echo
row "$(number after eval_pairs) held-out pairs" before after
row "accuracy: the better response is the more likely one" "$(share before logps)" "$(share after logps)"
row "reward accuracy (none before: ties are not wins)" "$(share before rewards)" "$(share after rewards)"
row "reward margin" "$(decimal before rewards/margins)" "$(decimal after rewards/margins)"
row "loss" "$(decimal before loss)" "$(decimal after loss)"
echo
echo "Sampled at temperature $temperature, with the same seed:"
for line in $(seq "$shown"); do
    printf '\n  %s\n    before: %s\n    after:  %s\n' \
        "$(text after prompt "$line")" "$(text before response "$line")" "$(text after response "$line")"
done
echo
echo "Trained in $seconds s. The model is in $trained, the curve in $example/out/metrics.jsonl, the run file is $run."
