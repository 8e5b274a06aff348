#!/usr/bin/env bash
# test-slurm.sh: launch/slurm.sbatch under a real Slurm of three namespace hosts: a job that meets its time limit saves, is
# requeued and ends with the same bits; a rank that is killed is started again; scancel saves; srun without PMIx is refused.
# As root, with Debian's packages slurm-wlm and munge.
#
#   launch/test-slurm.sh [time_limit] [killed_rank] [cancelled] [unconnected]      all by default: four minutes
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
parts=()
for word in "$@"; do
    case $word in
        -h | --help) usage; exit 0 ;;
        time_limit | killed_rank | cancelled | unconnected) parts+=("$word") ;;
        *) stop "there is no part $word; --help lists them" ;;
    esac
done
[ ${#parts[@]} -gt 0 ] || parts=(time_limit killed_rank cancelled unconnected)

binary=$(readlink -f "$binary")
for tool in slurmctld slurmd munged sbatch; do
    command -v $tool >/dev/null || { say "test-slurm.sh: skipped: no $tool (apt-get install slurm-wlm munge)"; exit 0; }
done
[ -x "$binary" ] || stop "$binary isn't built yet; run launch/setup.sh"
hosts_folder=$repository/.build/slurm-test-$$
# shellcheck source=launch/namespace-hosts.sh
source "$repository/launch/namespace-hosts.sh"
if ! reason=$(hosts_possible 2>&1); then
    say "test-slurm.sh: skipped: $reason"
    exit 0
fi

started=()
# Called by the trap.
# shellcheck disable=SC2317
finish() {
    local daemon
    for daemon in "${started[@]}"; do kill "$daemon" 2>/dev/null || true; done
    hosts_down
    sleep 0.5
    rm -rf "$hosts_folder"
}
mkdir -p "$hosts_folder/slurm/state"
trap finish EXIT
trap 'exit 130' INT TERM
hosts_up 3

export SLURM_CONF=$hosts_folder/slurm/slurm.conf
cat >"$SLURM_CONF" <<EOF
ClusterName=test
SlurmctldHost=node1
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$hosts_folder/slurm/munge.socket
CryptoType=crypto/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SchedulerParameters=bf_interval=1
StateSaveLocation=$hosts_folder/slurm/state
SlurmdSpoolDir=/tmp/slurmd
SlurmctldPidFile=$hosts_folder/slurm/slurmctld.pid
SlurmdPidFile=/tmp/slurmd.pid
SlurmctldLogFile=$hosts_folder/slurm/slurmctld.log
SlurmdLogFile=$hosts_folder/slurm/slurmd-%n.log
SlurmctldTimeout=10
SlurmdTimeout=20
KillWait=5
InactiveLimit=0
MinJobAge=300
JobRequeue=1
NodeName=node[1-3] CPUs=1 State=UNKNOWN
PartitionName=test Nodes=node[1-3] Default=YES MaxTime=INFINITE State=UP OverTimeLimit=0
EOF
echo "CgroupPlugin=cgroup/v1" >"$hosts_folder/slurm/cgroup.conf"

# One for all hosts: it is reached by a file.
head -c 128 /dev/urandom >"$hosts_folder/slurm/key"
chmod 400 "$hosts_folder/slurm/key"
munged --foreground --force --key-file="$hosts_folder/slurm/key" --socket="$hosts_folder/slurm/munge.socket" \
    --pid-file="$hosts_folder/slurm/munged.pid" --log-file="$hosts_folder/slurm/munged.log" \
    --seed-file="$hosts_folder/slurm/seed" >/dev/null 2>&1 &
started+=($!)
sleep 1

on_host 1 env SLURM_CONF="$SLURM_CONF" slurmctld -D >/dev/null 2>&1 &
started+=($!)
for k in 1 2 3; do
    on_host "$k" env SLURM_CONF="$SLURM_CONF" slurmd -D -N "node$k" >/dev/null 2>&1 &
    started+=($!)
done

slurm() { on_host 1 env SLURM_CONF="$SLURM_CONF" "$@"; }
for _ in $(seq 100); do
    [ "$(slurm sinfo --noheader --format=%T --states=idle 2>/dev/null | head -n 1)" != idle ] || break
    sleep 0.3
done
slurm sinfo >&2

# NAME STEPS SAVES: a run file, whose path is printed.
run_file() {
    mkdir -p "$hosts_folder/$1"
    {
        echo "model_name_or_path: $repository/Tests/Goldens/models/gqa-untied"
        echo "train_file: $hosts_folder/train.jsonl"
        echo "output_dir: $hosts_folder/$1/out"
        echo "reference_cache: $hosts_folder/cache"
        printf '%s\n' "max_length: 256" "global_batch_size: 20" "learning_rate: 1.0e-2" "reproducible: true" \
            "micro_batch_tokens: 100" "max_steps: $2" "save_steps: $3"
    } >"$hosts_folder/$1/run.yaml"
    echo "$hosts_folder/$1/run.yaml"
}
awk 'BEGIN { srand(7); for (row = 0; row < 40; row++) {
        for (part = 0; part < 3; part++) {
            ids[part] = ""; count = 1 + int(rand() * 15)
            for (i = 0; i < count; i++) ids[part] = ids[part] (i ? "," : "") 1 + int(rand() * 96)
        }
        printf "{\"prompt_ids\":[%s],\"chosen_ids\":[%s],\"rejected_ids\":[%s]}\n", ids[0], ids[1], ids[2] } }' \
    >"$hosts_folder/train.jsonl"
bits() { sha256sum "$hosts_folder/$1/out/final/model.safetensors" 2>/dev/null | cut -c 1-16; }

# NAME OPTIONS…: submits a run and prints the job's number.
submit() {
    local name=$1
    shift
    slurm env PREFOPT_REPOSITORY="$repository" PREFOPT_BINARY="$binary" OMPI_MCA_btl_tcp_if_include=10.77.0.0/24 \
        OMPI_MCA_mpi_yield_when_idle=1 sbatch --parsable --chdir="$hosts_folder/$name" --output="$hosts_folder/$name/log" \
        --nodes=3 --cpus-per-task=1 "$@" "$repository/launch/slurm.sbatch" "$hosts_folder/$name/run.yaml"
}

state_of() { slurm scontrol show job "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }

# JOB SECONDS: until it has ended for good.
await() {
    for _ in $(seq $(($2 * 2))); do
        case $(state_of "$1" JobState) in COMPLETED | FAILED | CANCELLED | NODE_FAIL | TIMEOUT) return 0 ;; esac
        sleep 0.5
    done
    say "job $1 is still $(state_of "$1" JobState)"
    return 0
}

failed=0
# TITLE NAME JOB RESTARTS_AT_LEAST
check() {
    local restarts
    restarts=$(state_of "$3" Restarts)
    if [ "$(bits "$2")" = "$whole" ] && [ "${restarts:-0}" -ge "$4" ] && [ "$(state_of "$3" JobState)" = COMPLETED ]; then
        printf '%-7s %-48s %s\n' ok "$1" "the same bits, restarts $restarts"
    else
        printf '%-7s %-48s %s\n' FAILED "$1" "$(state_of "$3" JobState), restarts $restarts, bits $(bits "$2"), not $whole"
        tail -n 30 "$hosts_folder/$2/log" >&2
        failed=1
    fi
}

steps=${STEPS:-3000}
"$binary" train "$(run_file whole "$steps" 100000)" 2>/dev/null
whole=$(bits whole)

time_limit() {
    local job k ranks=()
    run_file limited "$steps" 100000 >/dev/null
    # Slurm counts limits in minutes and looks every half minute; the signal comes 50 seconds before the end of the one.
    job=$(submit limited --time=1 --signal=USR1@50)
    for _ in $(seq 3000); do [ -s "$hosts_folder/limited/out/metrics.jsonl" ] && break; sleep 0.02; done
    # From the first step on the ranks stand still: a fast machine would be done before the signal. With it Slurm itself lets
    # them go on.
    for k in 1 2 3; do mapfile -t -O ${#ranks[@]} ranks < <(ranks_on "$k" "$binary"); done
    [ ${#ranks[@]} = 0 ] || kill -STOP "${ranks[@]}"
    # One limit is met; a slow machine would meet it again and again in what is left of a minute after the signal's 50 seconds.
    for _ in $(seq 600); do [ "$(state_of "$job" Restarts)" = 0 ] || break; sleep 0.5; done
    slurm scontrol update JobId="$job" TimeLimit=60
    await "$job" 3600
    check "time limit: USR1, 75, requeued" limited "$job" 1
}

killed_rank() {
    local job
    run_file killed "$steps" 50 >/dev/null
    job=$(submit killed)
    for _ in $(seq 200); do [ -d "$hosts_folder/killed/out/checkpoint-100" ] && break; sleep 0.2; done
    kill -KILL "$(ranks_on 2 "$binary" | head -n 1)"
    await "$job" 400
    check "a rank killed: 4, requeued" killed "$job" 1
}

cancelled() {
    local job
    run_file cancelled "$steps" 100000 >/dev/null
    job=$(submit cancelled)
    for _ in $(seq 200); do [ -e "$hosts_folder/cancelled/out/metrics.jsonl" ] && break; sleep 0.2; done
    slurm scancel "$job"
    await "$job" 60
    sleep 2
    if [ "$(state_of "$job" JobState)" = CANCELLED ] && compgen -G "$hosts_folder/cancelled/out/checkpoint-*" >/dev/null; then
        printf '%-7s %-48s %s\n' ok "scancel: saved, not requeued" "$(basename "$hosts_folder"/cancelled/out/checkpoint-*)"
    else
        printf '%-7s %-48s %s\n' FAILED "scancel: saved, not requeued" "$(state_of "$job" JobState)"
        tail -n 30 "$hosts_folder/cancelled/log" >&2
        failed=1
    fi
}

# TITLE WANTED FOUND: a line of the table.
expect() {
    if [ "$2" = "$3" ]; then
        printf '%-7s %-48s %s\n' ok "$1" "$3"
    else
        printf '%-7s %-48s %s\n' FAILED "$1" "$3, not $2"
        tail -n 30 "$hosts_folder/unconnected/log" >&2
        failed=1
    fi
}

# Tasks that srun starts without PMIx know nothing of each other; a single process in a job, and mpirun in it, are as ever.
unconnected() {
    local log=$hosts_folder/unconnected/log out=$hosts_folder/unconnected/out run status
    run=$(run_file unconnected 2 100000)
    local in_job=(slurm env OMPI_MCA_btl_tcp_if_include=10.77.0.0/24)
    status=0
    "${in_job[@]}" srun --nodes=3 --mpi=none "$binary" train "$run" >"$log" 2>&1 || status=$?
    expect "srun --mpi=none: status, messages, nothing written" "2 1 no" \
        "$status $(grep -c '^swift-prefopt: .*srun --mpi=pmix' "$log") $([ -e "$out" ] && echo yes || echo no)"
    status=0
    "${in_job[@]}" srun --nodes=3 --mpi=none "$binary" doctor --output "$hosts_folder/unconnected" >"$log" 2>&1 || status=$?
    expect "doctor under srun --mpi=none" "2 1" "$status $(grep -c 'srun --mpi=pmix' "$log")"
    status=0
    "${in_job[@]}" srun --nodes=3 --mpi=pmix "$binary" train "$run" >"$log" 2>&1 || status=$?
    expect "srun --mpi=pmix" 0 "$status"
    status=0
    "${in_job[@]}" salloc --nodes=3 "$binary" train "$run" --resume never >"$log" 2>&1 || status=$?
    expect "one process in an allocation of three" 0 "$status"
    status=0
    "${in_job[@]}" srun --nodes=1 --ntasks=1 --mpi=none "$binary" train "$run" --resume never >"$log" 2>&1 || status=$?
    expect "one task of srun without PMIx" 0 "$status"
    status=0
    "${in_job[@]}" salloc --nodes=3 \
        mpirun --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 \
        "$binary" train "$run" --resume never >"$log" 2>&1 || status=$?
    expect "mpirun in an allocation" 0 "$status"
}

for part in "${parts[@]}"; do
    case $part in
        time_limit) time_limit ;;
        killed_rank) killed_rank ;;
        cancelled) cancelled ;;
        unconnected) unconnected ;;
    esac
done
exit "$failed"
