#!/usr/bin/env bash
# supervise.sh: keeps a training job going: starts it again from its newest valid checkpoint when a rank, a host or a link
# fails, on the hosts that still answer.
#
#   launch/supervise.sh [options] launch/train.sh run.yaml …
#   launch/supervise.sh --hosts FILE [options] launch/multinode.sh --hosts FILE run.yaml …
#
#   --hosts FILE      probe these hosts before each start, and start on those that answer
#   --agent COMMAND   in place of ssh, as for multinode.sh
#   --output DIR      the run's output_dir; default: what its run file says
#   --tries N         give up after so many failures in a row without a new checkpoint; default 3
#   --pause SECONDS   before the first restart, doubled after each failure without progress, at most 300; default 5
#
# Ends with the job's status: 0 done; 2 the input is wrong, and 3 the numbers are: never tried again; 75 stopped by a
# signal, which is passed on; 4 given up.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

hostfile='' agent='' output='' tries=3 pause=5
read_options command "--hosts=hostfile --agent=agent --output=output --tries=tries:number --pause=pause:number" "$@"
set -- "${rest[@]}"
[ $# -gt 0 ] || stop "no command to supervise; for instance: launch/supervise.sh launch/train.sh run.yaml"
if [ -n "$hostfile" ] && [ ! -r "$hostfile" ]; then stop "$hostfile: not found or not readable"; fi

# The last of --set output_dir=… and the run file's key.
output_of() {
    local word found='' next=''
    for word in "$@"; do
        case $word in
            output_dir=*) found=${word#output_dir=} ;;
            --set=output_dir=*) found=${word#--set=output_dir=} ;;
            *.yaml | *.yml | *.json)
                if [ -r "$word" ]; then
                    next=$(sed -n 's/^"\{0,1\}[[:space:]]*"\{0,1\}output_dir"\{0,1\}[[:space:]]*:[[:space:]]*//p' "$word" \
                        | sed 's/[[:space:]]*#.*//; s/[",]*$//; s/^"//' | tail -n 1)
                fi ;;
        esac
    done
    printf '%s' "${found:-$next}"
}
[ -n "$output" ] || output=$(output_of "$@")
[ -n "$output" ] || stop "the run's output_dir isn't known; name it with --output DIR"

# The step of the newest checkpoint; 0: none. A folder gets its name when all of it is on the disk.
newest() {
    local folder step most=0
    for folder in "$output"/checkpoint-*/; do
        step=${folder%/} step=${step##*-}
        if [[ $step =~ ^[0-9]+$ ]] && [ "$step" -gt "$most" ]; then most=$step; fi
    done
    echo "$most"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Writes the hosts that answer, with their slots; fails if there are none.
probe() {
    local host
    for host in $(hosts_of "$hostfile"); do
        { host_answers "$agent" "$host" "$binary" && touch "$work/live-$host"; } &
    done
    wait
    : >"$work/hosts"
    for host in $(hosts_of "$hostfile"); do
        if [ -e "$work/live-$host" ]; then
            sed 's/#.*//' "$hostfile" | awk -v host="$host" '$1 == host' >>"$work/hosts"
            rm "$work/live-$host"
        else
            say "supervise.sh: $host doesn't answer; going on without it"
        fi
    done
    [ -s "$work/hosts" ]
}

stopping=0 signalled=0 job=''
pass_on() {
    stopping=1 signalled=1
    if [ -n "$job" ]; then kill -"$1" "$job" 2>/dev/null || true; fi
}
trap 'pass_on USR1' USR1 USR2 TERM
trap 'pass_on INT' INT

# What a killed launcher leaves is gone in a second or two; until then it holds the folder.
export PREFOPT_LOCK_WAIT=${PREFOPT_LOCK_WAIT:-30}

failures=0 start=1
while true; do
    before=$(newest)
    status=4
    if [ -z "$hostfile" ] || probe; then
        if [ -n "$hostfile" ]; then export PREFOPT_HOSTFILE=$work/hosts; fi
        say "supervise.sh: start $start, newest checkpoint: step $before"
        print_command "$@"
        # Itself, not a shell around it: signals are for it. In a group of its own, out of the keyboard's reach.
        set -m
        "$@" &
        job=$!
        set +m
        signalled=1
        while [ "$signalled" = 1 ]; do
            signalled=0 status=0
            wait "$job" || status=$?
        done
        job=''
    else
        say "supervise.sh: no host answers"
    fi
    case $status in
        0 | 2 | 3 | 75 | 126 | 127 | 130)
            say "supervise.sh: ended with status $status after $start start$([ "$start" = 1 ] || echo s)"
            exit "$status" ;;
    esac
    [ "$stopping" = 0 ] || exit "$status"

    after=$(newest)
    if [ "$after" -gt "$before" ]; then failures=1; else failures=$((failures + 1)); fi
    if [ "$failures" -ge "$tries" ] && [ "$after" -le "$before" ]; then
        say "supervise.sh: given up after $failures failures without a new checkpoint (the newest: step $after)"
        exit 4
    fi
    seconds=$((pause * (1 << (failures - 1 < 8 ? failures - 1 : 8))))
    seconds=$((seconds < 300 ? seconds : 300))
    say "supervise.sh: failed with status $status at a newest checkpoint of step $after; again in $seconds s"
    sleep "$seconds" &
    wait $! || true
    [ "$stopping" = 0 ] || exit 75
    start=$((start + 1))
done
