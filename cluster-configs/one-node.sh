#!/usr/bin/env bash
# One large node: 2 sockets × 32 cores, 4 NUMA nodes of 16 cores. launch/train.sh makes this command by itself on such a
# machine; it stands here to be read and changed.
#
#   cluster-configs/one-node.sh run.yaml
#   NUMA_NODES=1 RANKS_PER_NUMA=2 THREADS=1 cluster-configs/one-node.sh run.yaml      for a machine of 2 cores
#
# Tested: the second line, on such a machine (Debian 12, Open MPI 4.1.4), with the embedded example. Not tested on a
# machine with several NUMA nodes.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/../launch/environment.sh"

# A rank holds its own weights, gradients and optimizer state: 16 bytes a parameter with adamw, 24 with reproducible:
# true, and activations. The summary before step 0 has the numbers. Where 4 ranks don't fit: --map-by ppr:1:socket,
# THREADS=32.
numa_nodes=${NUMA_NODES:-4}
ranks_per_numa=${RANKS_PER_NUMA:-1}

# Physical cores of a NUMA node, divided by its ranks. Hardware threads of one core share the units that do the
# arithmetic; leave the second ones idle.
threads=${THREADS:-16}

command=(
    mpirun -n $((numa_nodes * ranks_per_numa))

    # A rank on each NUMA node, bound to as many cores as it has threads: what a rank allocates then lies in the memory
    # next to its cores. mpirun's default would bind each rank to one core where there are two ranks or fewer.
    --map-by "ppr:$ranks_per_numa:numa:PE=$threads"
    --bind-to core
    # Which cores each rank got, printed at start. Look at it once.
    --report-bindings

    # Shared memory only. Ranks of one machine need no network, and a container's or VPN's interface can't be mistaken
    # for one. It halves the time to start, too.
    --mca pml ob1
    --mca btl "self,vader"

    # OpenBLAS would start threads of its own beside the program's.
    -x OPENBLAS_NUM_THREADS=1

    "$binary" train --set "threads_per_rank=$threads" "$@"
)
print_command "${command[@]}"
exec "${command[@]}"
