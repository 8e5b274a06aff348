# shellcheck shell=bash
# cluster-faults.sh: part of test-cluster.sh: one fault at a time; each must be noticed, named and ended within the limit.
# What it uses without setting it is that script's.
# shellcheck disable=SC2154
# By itself it only answers --help.
# shellcheck source=launch/environment.sh
declare -F usage >/dev/null || source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

# Seconds from the fault to the end of the launching script, with hang_timeout: 10.
fault_limit=15

# Who may speak, once.
speakers='^(swift-prefopt|multinode\.sh):'

# TITLE PATTERN STATUS FAULT_AT RUN_STATUS: checks the end of a job whose messages are in $hosts_folder/log.
judge_fault() {
    local title=$1 pattern=$2 wanted=$3 at=$4 status=$5 seconds said
    seconds=$(since "$at")
    said=$(grep -E "$speakers" "$hosts_folder/log" | head -n 1 || true)
    local count
    count=$(grep -Ec "$speakers" "$hosts_folder/log" || true)
    if [ "$status" = "$wanted" ] && grep -Eq "$pattern" <<<"$said" && [ "$count" = 1 ] \
        && awk -v s="$seconds" -v l="$fault_limit" 'BEGIN { exit !(s <= l) }'; then
        row ok "$title" "$seconds" "${said:0:150}"
    else
        row FAILED "$title" "$seconds" "status $status, $count messages: ${said:0:300}"
        tail -n 12 "$hosts_folder/log" >&2
    fi
    # A rank that was cut off ends by itself, a little later.
    local left
    left=$(ranks_left)
    while [ -n "$left" ] && awk -v s="$(since "$at")" -v l="$fault_limit" 'BEGIN { exit !(s <= l) }'; do
        sleep 0.2
        left=$(ranks_left)
    done
    if [ -n "$left" ]; then
        row FAILED "$title: ranks left behind" "$(since "$at")" "${left//$'\n'/ }"
        # shellcheck disable=SC2086
        kill -KILL $left 2>/dev/null || true
    fi
}

# TITLE PATTERN STATUS NAME COMMAND…: starts a long run, waits until it steps, does COMMAND to it, and sees how it ends.
fault_while_training() {
    local title=$1 pattern=$2 wanted=$3 name=$4 job status=0 at
    shift 4
    on_hosts "$(hostfile 1 1 2 3 4)" "$(run_file "$name" 5000 5000 'hang_timeout: 10' 'logging_steps: 1')" \
        2>"$hosts_folder/log" &
    job=$!
    wait_for_step "$name" 5 || true
    at=$(now)
    "$@"
    wait_at_most 40 "$job" || status=$?
    judge_fault "$title" "$pattern" "$wanted" "$at" "$status"
    rm -rf "${hosts_folder:?}/$name"
}

# TITLE PATTERN STATUS [multinode.sh's options] run.yaml: starts a run on four hosts as they are.
fault_from_start() {
    local title=$1 pattern=$2 wanted=$3 status=0 at job
    shift 3
    at=$(now)
    on_hosts "$(hostfile 1 1 2 3 4)" "$@" 2>"$hosts_folder/log" &
    job=$!
    wait_at_most 40 "$job" || status=$?
    judge_fault "$title" "$pattern" "$wanted" "$at" "$status"
}

# SECONDS JOB: the job's status, or 99 for one that had to be ended.
wait_at_most() {
    for _ in $(seq $(($1 * 20))); do
        kill -0 "$2" 2>/dev/null || break
        sleep 0.05
    done
    if kill -0 "$2" 2>/dev/null; then
        end_tree "$2"
        wait "$2" 2>/dev/null || true
        return 99
    fi
    wait "$2"
}

stop_rank() { signal_rank STOP "$1"; }

part_hosts() { on_host 2 ip route add blackhole 10.77.0.3/32; }

kill_rank() { signal_rank KILL "$1"; }
signal_rank() {
    local victim
    victim=$(ranks_on "$2" "$binary" | head -n 1)
    if [ -n "$victim" ]; then kill -"$1" "$victim"; else say "no rank on node$2"; fi
}

all_faults() {
    fault_while_training "SIGSTOP of rank 2" 'rank 2 on node3 .*not been heard' 4 stopped stop_rank 3
    if [ -z "$short" ]; then
        fault_while_training "link of node4 down" 'rank 3 on node4 .*not been heard|lost node4' 4 unplugged host_link 4 down
        host_link 4 up
        # All are alive, and rank 0 hears all: nobody but the watchdog can know.
        fault_while_training "node2 and node3 cut off from each other" "messages don't get through" 4 cut part_hosts
        on_host 2 ip route del blackhole 10.77.0.3/32
        fault_while_training "SIGSTOP of rank 0" 'rank 0 on node1 .*not been heard' 4 stopped0 stop_rank 1
        fault_while_training "SIGKILL of rank 1" 'a rank was killed' 4 killed-rank kill_rank 2
        fault_while_training "node3 crashes" 'lost node3|rank 2 on node3' 4 crashed host_kill 3
        host_up 3
    fi
    start_faults
    [ -n "$short" ] || slow_start_faults
    [ -n "$short" ] || disk_faults
}

start_faults() {
    local file
    file=$(run_file fault 50 1000 'hang_timeout: 10')

    # Another build on one host, under the same path.
    cp "$binary" "$hosts_folder/other-binary"
    printf 'x' >>"$hosts_folder/other-binary"
    on_host 3 mount --bind "$hosts_folder/other-binary" "$binary"
    fault_from_start "another binary on node3" "rank 2 on node3: the program's SHA-256 is" 4 "$file"
    on_host 3 umount "$binary"

    sed 's/max_steps: 50/max_steps: 51/' "$file" >"$hosts_folder/other.yaml"
    on_host 2 mount --bind "$hosts_folder/other.yaml" "$file"
    fault_from_start "another run file on node2" 'rank 1 on node2: the run is max_steps: 51, but' 2 "$file"
    on_host 2 umount "$file"

    mkdir -p "$hosts_folder/nothing"
    on_host 4 mount --bind "$hosts_folder/nothing" "$(dirname "$file")"
    fault_from_start "no run file on node4" 'rank 3 on node4: .*run.yaml: not found' 2 "$file"
    on_host 4 umount "$(dirname "$file")"

    on_host 4 mount --bind "$hosts_folder/nothing" "$model"
    fault_from_start "no model on node4" 'rank 3 on node4: .*gqa-untied is 0 files' 2 "$file"
    on_host 4 umount "$model"

    # Reading a process's memory at address 0 is an input/output error.
    on_host 3 mount --bind /proc/1/mem "$data"
    fault_from_start "unreadable data on node3" 'rank 2 on node3: .*train.jsonl' 2 "$file"
    on_host 3 umount "$data"

    fault_from_start "a network that isn't there" 'btl_tcp_if_include is 10.99.0.0/24, but this host has no such' 2 \
        --network 10.99.0.0/24 "$file"
}

slow_start_faults() {
    local file at status=0
    file=$(run_file fault 50 1000 'hang_timeout: 10')

    # mpirun and its daemons on the right network, the ranks' messages on one that leads nowhere.
    at=$(now)
    at_console mpirun --hostfile "$(hostfile 1 1 2 3 4)" --mca plm_rsh_agent "$agent" --mca pml ob1 --mca btl self,vader,tcp \
        --mca oob_tcp_if_include 10.77.0.0/24 --mca btl_tcp_if_include docker0 --mca odls_base_sigkill_timeout 0 \
        "$binary" train "$file" 2>"$hosts_folder/log" &
    wait_at_most 40 $! || status=$?
    judge_fault "messages over docker0" 'still wait in their first messages.*btl_tcp_if_include 10.77.0.0/24' 4 "$at" "$status"

    # A pipe that nobody writes to: a read that never returns. By its own name it would be refused, so it comes as standard
    # input, which mpirun hands to rank 0.
    mkfifo "$hosts_folder/endless"
    exec 9<>"$hosts_folder/endless"
    status=0
    at=$(now)
    at_console mpirun --hostfile "$(hostfile 1 1 2 3 4)" --mca plm_rsh_agent "$agent" --mca pml ob1 --mca btl self,vader,tcp \
        --mca oob_tcp_if_include 10.77.0.0/24 --mca btl_tcp_if_include 10.77.0.0/24 --mca odls_base_sigkill_timeout 0 \
        "$binary" train "$file" --set train_file=/dev/stdin <&9 2>"$hosts_folder/log" &
    wait_at_most 40 $! || status=$?
    exec 9>&-
    rm "$hosts_folder/endless"
    judge_fault "a read that never returns" 'stood still for .*phase data' 4 "$at" "$status"
}

disk_faults() {
    local file status=0 at
    file=$(run_file full 5000 2 'hang_timeout: 10')
    mkdir -p "$hosts_folder/full/out"
    at=$(now)
    # Room for a few checkpoints only.
    # shellcheck disable=SC2016
    at_console sh -c 'mount -t tmpfs -o size=400k full "$1" && shift && exec "$@"' sh "$hosts_folder/full/out" \
        "$repository/launch/multinode.sh" --hosts "$(hostfile 1 1 2 3 4)" --agent "$agent" --network 10.77.0.0/24 \
        --yield -t 1 "$file" 2>"$hosts_folder/log" &
    wait_at_most 40 $! || status=$?
    judge_fault "disk full on node1" 'No space left on device|free some space' 2 "$at" "$status"
}
