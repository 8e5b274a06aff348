#!/usr/bin/env bash
# test-cluster.sh: shows on one machine that a job on several hosts gives the same bits whatever happens to it, and that
# nothing makes it wait for ever. As root: the hosts are namespaces (launch/namespace-hosts.sh).
#
#   launch/test-cluster.sh [--kills N] [--seed N] [--only same|kills|faults]
#   launch/test-cluster.sh --short          what launch/test.sh runs: a minute
#
#   --kills N   deaths of a rank, the launcher or a host, a third of them during a save; default 100
#   --seed N    of the moments and the victims; default 1
#
# Prints a table with seconds, and ends with 0 if every line is as it should be.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

kills='' seed=1 only='' short=''
read_options none "--kills=kills --seed=seed --only=only --short=short:flag" "$@"
if [ -z "$kills" ]; then kills=$([ -n "$short" ] && echo 2 || echo 100); fi
[[ $kills =~ ^[0-9]+$ && $seed =~ ^[0-9]+$ ]] || stop "--kills and --seed are whole numbers"
# As the kernel names it.
binary=$(readlink -f "$binary")
[ -x "$binary" ] || stop "$binary isn't built yet; run launch/setup.sh"
RANDOM=$((seed % 32768))

hosts_folder=$repository/.build/cluster-test-$$
# shellcheck source=launch/namespace-hosts.sh
source "$repository/launch/namespace-hosts.sh"
if ! reason=$(hosts_possible 2>&1); then
    say "test-cluster.sh: skipped: $reason"
    exit 0
fi
mkdir -p "$hosts_folder"
trap 'hosts_down; rm -rf "$hosts_folder"' EXIT
trap 'exit 130' INT TERM
hosts_up 4

# --- A run of a few seconds

model=$repository/Tests/Goldens/models/gqa-untied
agent=$hosts_folder/agent.sh
data=$hosts_folder/train.jsonl
awk 'BEGIN {
    srand(7)
    for (row = 0; row < 40; row++) {
        for (part = 0; part < 3; part++) {
            ids[part] = ""
            count = 1 + int(rand() * (part == 0 ? 14 : 18))
            for (i = 0; i < count; i++) ids[part] = ids[part] (i ? "," : "") 1 + int(rand() * 96)
        }
        printf "{\"prompt_ids\":[%s],\"chosen_ids\":[%s],\"rejected_ids\":[%s]}\n", ids[0], ids[1], ids[2]
    }
}' >"$data"

# NAME STEPS SAVE_STEPS [key: value …]: a run file, whose path is printed.
run_file() {
    local name=$1 steps=$2 saves=$3
    shift 3
    mkdir -p "$hosts_folder/$name"
    {
        echo "model_name_or_path: $model"
        echo "train_file: $data"
        echo "output_dir: $hosts_folder/$name/out"
        echo "reference_cache: $hosts_folder/cache"
        printf '%s\n' "max_length: 256" "global_batch_size: 20" "learning_rate: 1.0e-2" "reproducible: true" \
            "micro_batch_tokens: 100" "max_steps: $steps" "save_steps: $saves" "$@"
    } >"$hosts_folder/$name/run.yaml"
    echo "$hosts_folder/$name/run.yaml"
}

# SLOTS HOST…: a hostfile, whose path is printed.
hostfile() {
    local slots=$1 file
    shift
    file=$hosts_folder/hosts-$slots-$#
    printf "node%s slots=$slots\n" "$@" >"$file"
    echo "$file"
}

# Trains on the hosts of a hostfile.
on_hosts() {
    local hosts=$1
    shift
    at_console "$repository/launch/multinode.sh" --hosts "$hosts" --agent "$agent" --network 10.77.0.0/24 --yield -t 1 "$@"
}

bits() { sha256sum "$hosts_folder/$1/out/final/model.safetensors" 2>/dev/null | cut -c 1-16; }
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }

failed=0
# RESULT NAME SECONDS DETAIL: a line of the table.
row() {
    [ "$1" = ok ] || failed=$((failed + 1))
    printf '%-7s %-58s %7s s  %s\n' "$@"
}

# --- The same bits

same_bits() {
    local steps=60 whole file name start status ranks hosts stage
    file=$(run_file whole $steps 20)
    start=$(now)
    "$binary" train "$file" 2>"$hosts_folder/log" || { cat "$hosts_folder/log" >&2; row FAILED "1 rank" "$(since "$start")"; return; }
    whole=$(bits whole)
    row ok "1 rank" "$(since "$start")" "$whole"

    # zero_stage: 1 takes part as soon as the program has it.
    local stages=(0)
    if "$binary" train "$file" --set zero_stage=1 --set output_dir="$hosts_folder/trial" --set max_steps=1 \
        2>"$hosts_folder/log"; then stages+=(1); fi

    for stage in "${stages[@]}"; do
        for ranks in 2 3 5; do
            [ -z "$short" ] || [ "$ranks" = 3 ] || continue
            name=ranks$ranks-$stage status=0
            file=$(run_file "$name" $steps 20 "zero_stage: $stage")
            start=$(now)
            mpirun -n "$ranks" --oversubscribe "$binary" train "$file" --set threads_per_rank=1 2>"$hosts_folder/log" \
                || status=$?
            compare "$ranks ranks, zero_stage $stage" "$name" "$whole" "$status" "$start"
        done
        for hosts in 1 2 4; do
            [ -z "$short" ] || [ "$hosts" = 4 ] || continue
            name=hosts$hosts-$stage status=0
            file=$(run_file "$name" $steps 20 "zero_stage: $stage")
            start=$(now)
            # shellcheck disable=SC2046
            on_hosts "$(hostfile 1 $(seq "$hosts"))" "$file" 2>"$hosts_folder/log" || status=$?
            compare "$hosts hosts, zero_stage $stage" "$name" "$whole" "$status" "$start"
        done
    done
    sweep_over_hosts $steps
    [ -n "$short" ] && return
    name=two-a-host status=0
    file=$(run_file $name $steps 20)
    start=$(now)
    on_hosts "$(hostfile 2 1 2 3)" "$file" 2>"$hosts_folder/log" || status=$?
    compare "3 hosts of 2 ranks" $name "$whole" "$status" "$start"
    resumed "$whole" $steps "${stages[@]: -1}"
}

# Two groups of two hosts train three runs; each has the bits that it has alone.
sweep_over_hosts() {
    local steps=$1 base status=0 start beta wrong=0 folder=$hosts_folder/sweep
    base=$(run_file sweep "$steps" 20)
    printf '%s\n' "base: $base" "output_dir: $folder/all" "grid: {beta: [0.05, 0.1, 0.2]}" >"$folder/sweep.yaml"
    start=$(now)
    on_hosts "$(hostfile 1 1 2 3 4)" --command sweep "$folder/sweep.yaml" --groups 2 2>"$hosts_folder/log" >"$folder/table" \
        || status=$?
    for beta in 0.05 0.1 0.2; do
        "$binary" train "$base" --set beta=$beta --set output_dir="$folder/alone" --resume never 2>"$hosts_folder/log-alone" || wrong=1
        cmp -s "$folder/alone/final/model.safetensors" "$folder/all/"*"$beta"*/final/model.safetensors || wrong=1
        rm -rf "$folder/alone"
    done
    if [ "$status" = 0 ] && [ "$wrong" = 0 ] && [ "$(wc -l <"$folder/all/sweep.jsonl")" = 3 ]; then
        row ok "a sweep of 3 runs by 2 groups of 2 hosts" "$(since "$start")" "each run's bits are those alone"
    else
        row FAILED "a sweep of 3 runs by 2 groups of 2 hosts" "$(since "$start")" "status $status"
        tail -n 5 "$hosts_folder/log" >&2
    fi
}

compare() {
    local title=$1 name=$2 whole=$3 status=$4 start=$5
    if [ "$status" = 0 ] && [ "$(bits "$name")" = "$whole" ]; then
        row ok "$title" "$(since "$start")" "the same bits"
    else
        row FAILED "$title" "$(since "$start")" "status $status, bits $(bits "$name")"
        tail -n 5 "$hosts_folder/log" >&2
    fi
}

# Stopped twice by a signal, and gone on with on other numbers of hosts.
resumed() {
    local whole=$1 steps=$2 stage=$3 file status=0 start hosts
    file=$(run_file resumed "$steps" 500 "zero_stage: $stage")
    start=$(now)
    for hosts in 4 2; do
        status=0
        # shellcheck disable=SC2046
        on_hosts "$(hostfile 1 $(seq $hosts))" "$file" 2>"$hosts_folder/log" &
        local job=$!
        wait_for_step resumed $((hosts == 4 ? 15 : 35)) || true
        # The script itself is the one that mpirun belongs to.
        pkill -USR1 -P "$job" -f multinode.sh || kill -USR1 "$job" || true
        wait "$job" || status=$?
        [ "$status" = 75 ] || row FAILED "USR1 to multinode.sh on $hosts hosts" "$(since "$start")" "status $status, not 75"
    done
    mpirun -n 3 --oversubscribe "$binary" train "$file" --set zero_stage=0 --set threads_per_rank=1 \
        2>"$hosts_folder/log" || status=$?
    [ "$status" = 75 ] && status=0
    compare "4 hosts, USR1, 2 hosts, USR1, 3 ranks" resumed "$whole" "$status" "$start"
}

# Until a run has logged a step, or a minute on a busy machine.
wait_for_step() {
    local log=$hosts_folder/$1/out/metrics.jsonl
    for _ in $(seq 3000); do
        if [ -e "$log" ] && [ "$(wc -l <"$log")" -ge "$2" ]; then return 0; fi
        sleep 0.02
    done
    return 1
}

# shellcheck source=launch/cluster-kills.sh
source "$repository/launch/cluster-kills.sh"
# shellcheck source=launch/cluster-faults.sh
source "$repository/launch/cluster-faults.sh"

started=$(now)
if [ -z "$only" ] || [ "$only" = same ]; then same_bits; fi
if [ -z "$only" ] || [ "$only" = kills ]; then many_kills "$kills"; fi
if [ -z "$only" ] || [ "$only" = faults ]; then all_faults; fi
printf '%s\n' "$([ "$failed" = 0 ] && echo "all as it should be" || echo "$failed not as it should be") in $(since "$started") s"
[ "$failed" = 0 ]
