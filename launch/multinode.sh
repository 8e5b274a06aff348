#!/usr/bin/env bash
# multinode.sh: trains on several machines that are reached by ssh.
#
#   launch/multinode.sh --hosts FILE [options] run.yaml [--set key=value …] [--resume auto|never|DIR]
#   launch/multinode.sh --hosts FILE [options] --command doctor run.yaml
#
#   --hosts FILE      an Open MPI hostfile: `name slots=RANKS` on each line; this machine is the first
#   --network NET     the network between the hosts, as an address range (10.0.0.0/24) or an interface name; default: the one
#                     that the second host is reached by
#   -t THREADS        threads of a rank; default: the cores of this machine shared among its slots
#   --agent COMMAND   what starts a program on another host in place of `ssh`, for instance "ssh -p 2222"
#   --yield           ranks give way while they wait: for hosts that are containers of one machine and share its cores
#   --command NAME    another command of the program than train
#   --dry-run         only print the command
#
# Everything else goes to the program. On all hosts, at the same paths: the program, the Swift runtime it was built with,
# Open MPI, OpenBLAS, the model and the data; a shared disk gives all of it. Only rank 0, on the first host, writes.
#
# USR1, TERM or ^C to this script saves a checkpoint and ends with status 75; a second ^C stops at once. A host or link that
# dies ends the job within about 12 seconds with status 4; launch/supervise.sh starts it again on the others.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

hostfile='' network='' threads='' agent='' yields='' dry='' name=train
read_options pass "--hosts=hostfile --network=network -t=threads:number --agent=agent --yield=yields:flag --command=name \
    --dry-run=dry:flag" "$@"
# supervise.sh hands over the hosts that answer.
hostfile=${PREFOPT_HOSTFILE:-$hostfile}
[ -n "$hostfile" ] || stop "--hosts is missing; name a file with a line \`host slots=1\` for each machine"
[ -r "$hostfile" ] || stop "$hostfile: not found or not readable"
[ -x "$binary" ] || stop "$binary isn't built yet; run launch/setup.sh"

mapfile -t hosts < <(hosts_of "$hostfile")
[ ${#hosts[@]} -gt 0 ] || stop "$hostfile: names no host"

# All at once: a host that is down would otherwise cost its time-out in turn.
silent_hosts() {
    local host
    for host in "${hosts[@]:1}"; do
        { host_answers "$agent" "$host" "$binary" || echo "$host"; } &
    done
    wait
}

# For the message after a failure.
lost_hosts() {
    local silent
    silent=$(silent_hosts)
    if [ -n "$silent" ]; then echo "lost ${silent//$'\n'/, }: no answer any more"; fi
}

silent=$(silent_hosts)
if [ -n "$silent" ]; then
    say "multinode.sh: no answer, or no program at $binary, on ${silent//$'\n'/, }; try: ${agent:-ssh} ${silent%%$'\n'*} ls" \
        "-l $binary; launch/supervise.sh goes on without such hosts"
    exit 4
fi

# The interface that leads to the second host, as the range of its network.
network_to() {
    local address device
    address=$(getent ahostsv4 "$1" | awk '{ print $1; exit }')
    [ -n "$address" ] || return 0
    device=$(ip -o route get "$address" | sed -n 's/.* dev \([^ ]*\).*/\1/p')
    ip -o -4 route show dev "$device" scope link | awk '$1 ~ /\// { print $1; exit }'
}

if [ -z "$network" ] && [ ${#hosts[@]} -gt 1 ]; then
    network=$(network_to "${hosts[1]}")
    [ -n "$network" ] || stop "no network leads to ${hosts[1]}; name it with --network (see: ip -brief address)"
fi

slots=$(sed -n 's/#.*//; /[^[:space:]]/ { s/.*slots=\([0-9]*\).*/\1/p; q; }' "$hostfile")
slots=${slots:-1}
cores=$(lscpu --parse=CORE,SOCKET | grep -v '^#' | sort -u | wc -l)
[ -n "$threads" ] || threads=$((cores / slots > 0 ? cores / slots : 1))
if [ $((slots * threads)) -gt "$cores" ]; then yields=1; fi

# The program says itself why it ends; mpirun's paragraphs about it, also after a stop that saved, are left out.
command=(mpirun --hostfile "$hostfile" --quiet)
if [ -n "$yields" ]; then
    command+=(--map-by slot --bind-to none --mca mpi_yield_when_idle 1)
else
    command+=(--map-by "slot:PE=$threads" --bind-to core)
fi
command+=(--mca pml ob1 --mca btl "self,vader,tcp")
if [ -n "$network" ]; then
    # Messages between ranks, and between mpirun and its daemons. Without them every interface is tried, and one that all
    # hosts have with the same address (docker0) makes the job hang.
    command+=(--mca btl_tcp_if_include "$network" --mca oob_tcp_if_include "$network")
fi
command+=(
    # Gradients in a ring: 958 ms instead of 1715 for 64 MB between 4 hosts on 1 Gbit/s.
    --mca coll_tuned_use_dynamic_rules 1 --mca coll_tuned_allreduce_algorithm 4
    # A dead link is noticed after 5 + 3 × 2 seconds, not after 499; the watchdog is to be the first with hang_timeout: 10.
    --mca oob_tcp_keepalive_time 5 --mca oob_tcp_keepalive_intvl 2 --mca oob_tcp_keepalive_probes 3
    # What is left of a job that failed has nothing to save.
    --mca odls_base_sigkill_timeout 0
)
if [ -n "$agent" ]; then command+=(--mca plm_rsh_agent "$agent"); fi
# mpirun hands its environment to the ranks of this host only.
for variable in OPENBLAS_NUM_THREADS PREFOPT_START_TIMEOUT PREFOPT_HANG_TIMEOUT PREFOPT_LOCK_WAIT LD_LIBRARY_PATH; do
    if [ -n "${!variable-}" ]; then command+=(-x "$variable"); fi
done
command+=("$binary" "$name")
if [ "$name" = train ]; then command+=(--set "threads_per_rank=$threads"); fi
command+=("${rest[@]}")

say "hosts: ${#hosts[@]}, slots of the first $slots, threads of a rank $threads, network ${network:-none}"
if [ -n "$dry" ]; then
    print_command "${command[@]}"
    exit 0
fi
run_job "${command[@]}"
