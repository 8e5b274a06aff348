#!/usr/bin/env bash
# train.sh: trains on one machine with all of its cores.
#
#   launch/train.sh [-n RANKS] [-t THREADS] [run.yaml] [--set key=value …] [--resume auto|never|DIR]
#
#   -n RANKS    processes; default: one for each NUMA node
#   -t THREADS  threads of a rank; default: the machine's cores shared among the ranks
#
# Everything else goes to `swift-prefopt train` as it is. The threads given or found here win over the run file's
# threads_per_rank, because the binding is made for them. Cores are physical ones: two hardware threads of a core share
# the units that do the arithmetic. Without -n and -t a limit of the container (cgroup) is kept to as well.
#
# USR1, TERM or ^C to this script saves a checkpoint and ends with status 75; a second ^C stops at once.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

ranks=
threads=
read_options pass "-n=ranks:number -t=threads:number" "$@"
[ -x "$binary" ] || stop "$binary isn't built yet; run launch/setup.sh"

# Logical CPUs that this process may run on, one number a line.
allowed_cpus() {
    local range
    for range in $(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status | tr ',' ' '); do
        seq "${range%-*}" "${range#*-}"
    done
}

# "cores nodes least": physical cores among the allowed CPUs, the NUMA nodes that they are in, and the fewest in a node.
count_cores() {
    {
        allowed_cpus
        echo /
        lscpu --parse=CPU,CORE,SOCKET,NODE | grep -v '^#'
    } | awk -F , '
        /^\// { rest = 1; next }
        !rest { allowed[$1] = 1; next }
        $1 in allowed && !(($2, $3) in known) { known[$2, $3] = 1; cores++; inNode[$4]++ }
        END {
            for (node in inNode) { nodes++; if (!least || inNode[node] < least) least = inNode[node] }
            print cores + 0, nodes + 0, least + 0
        }'
}

# Whole CPUs that the container may use, or nothing if it isn't limited.
container_limit() {
    local quota period
    if [ -r /sys/fs/cgroup/cpu.max ]; then
        read -r quota period </sys/fs/cgroup/cpu.max
    elif [ -r /sys/fs/cgroup/cpu/cpu.cfs_quota_us ]; then
        quota=$(cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us)
        period=$(cat /sys/fs/cgroup/cpu/cpu.cfs_period_us)
    fi
    [[ ${quota-} =~ ^[1-9][0-9]*$ ]] || return 0
    echo $(((quota + period - 1) / period))
}

read -r cores nodes least < <(count_cores)
[ "$cores" -gt 0 ] || { cores=$(nproc); nodes=1 least=$cores; }
limit=$(container_limit)
limited=
if [ -n "$limit" ] && [ "$limit" -lt "$cores" ]; then
    limited=' by the limit of the container'
    cores=$limit nodes=1 least=$limit
fi

if [ -z "$ranks" ]; then
    ranks=$nodes
    # Fewer ranks than nodes only if their threads wouldn't fit otherwise.
    if [ -n "$threads" ] && [ $((ranks * threads)) -gt "$cores" ]; then
        ranks=$((cores / threads > 0 ? cores / threads : 1))
    fi
fi
[ -n "$threads" ] || threads=$((cores / ranks > 0 ? cores / ranks : 1))

command=("$binary" train --set "threads_per_rank=$threads" "${rest[@]}")
if [ "$ranks" -gt 1 ]; then
    # Ranks of one machine talk through its memory: without the network no interface can be the wrong one. The program says
    # itself why it ends; mpirun's paragraphs about it, also after a stop that saved, are left out.
    launcher=(mpirun --quiet -n "$ranks" --mca pml ob1 --mca btl "self,vader")
    perNode=$((ranks / nodes))
    if [ $((ranks * threads)) -gt "$cores" ] || [ -n "$limited" ]; then
        # Ranks that share cores must give way while they wait: --oversubscribe makes them.
        launcher+=(--oversubscribe --bind-to none)
    elif [ $((perNode * nodes)) = "$ranks" ] && [ $((perNode * threads)) -le "$least" ]; then
        launcher+=(--map-by "ppr:$perNode:numa:PE=$threads" --bind-to core)
    elif [ "$threads" -le "$least" ]; then
        launcher+=(--map-by "slot:PE=$threads" --bind-to core)
    else
        # A rank wider than a NUMA node.
        launcher+=(--bind-to none)
    fi
    command=("${launcher[@]}" "${command[@]}")
fi

say "this machine: cores $cores$limited, NUMA nodes $nodes; this run: ranks $ranks, threads of each $threads"
if [ $((ranks * threads)) -gt "$cores" ]; then say "note: more threads than cores: it works, slowly"; fi
run_job "${command[@]}"
