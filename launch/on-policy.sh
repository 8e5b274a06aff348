#!/usr/bin/env bash
# on-policy.sh: shows that three rounds of generating, rewarding, pairing and training raise the held-out mean reward of the
# embedded example by more than three standard errors. Fails if they don't. Some minutes on two cores, beside the build.
#
#   launch/on-policy.sh
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$repository"
read_options none "" "$@"

launch/setup.sh

program=.build/release/swift-prefopt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say ""
say "== the example: a model that is kind or curt by the toss of a coin, and prompts"
announce "$program" example prefopt-example
gzip -dc prefopt-example/train.jsonl.gz | sed -n 1,400p >prefopt-example/prompts-400.jsonl

say ""
say "== three rounds"
launcher=(mpirun -n 2)
if [ "$(nproc)" -lt 2 ]; then launcher+=(--oversubscribe); fi
start=$SECONDS
announce "${launcher[@]}" "$program" iterate examples/on-policy.yaml --set output_dir="$work/rounds" --json >"$work/report.json"
seconds=$((SECONDS - start))

# A number of the report, by its name.
number() { sed -n "s|.*\"$1\": *\(-\{0,1\}[0-9][0-9.eE+-]*\).*|\1|p" "$work/report.json"; }

change=$(number held_out_change/kind)
error=$(number held_out_change/kind/standard_error)
echo
echo "$seconds s; the held-out mean reward changed by $change, standard error $error"
awk -v change="$change" -v error="$error" 'BEGIN { exit !(change > 3 * error) }' \
    || stop "that is not more than three standard errors"
