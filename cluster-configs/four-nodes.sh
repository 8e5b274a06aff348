#!/usr/bin/env bash
# Four nodes over Ethernet, by a hostfile and ssh. Started on the first of them:
#
#   NETWORK=10.0.0.0/24 THREADS=16 cluster-configs/four-nodes.sh run.yaml
#
# What must be the same on every node, at the same paths: this folder with its build, the Swift runtime it was built
# with, Open MPI and OpenBLAS, and the model and data of the run. A shared disk gives all of it. Only the first node
# writes: output_dir and reference_cache are its own.
#
# Tested with the embedded example and reproducible: true on four network-namespace hosts of one machine of 2 cores, each
# with its own address, host name, /tmp and /dev/shm and one shared disk (UNBOUND=1, NETWORK=10.77.0.0/24, THREADS=1, an
# own plm_rsh_agent in place of ssh): the same final bits as 1 and 3 ranks without a network. The bound mapping was tested
# with `localhost slots=2` as the hostfile. Not tested on four machines, nor over ssh.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=$repository/.build/release/swift-prefopt
hostfile=${HOSTFILE:-$repository/cluster-configs/four-nodes.hostfile}

# The network that joins the nodes, as an address range or an interface name. Open MPI tries every interface otherwise,
# and one that all nodes have with the same address (docker0, virbr0) makes the job hang after a warning. So does a range
# that no interface is in: `ip -brief address` shows what there is.
network=${NETWORK:?the address range of the network between the nodes, for instance NETWORK=10.0.0.0/24}

# Cores of a node, divided by its slots.
threads=${THREADS:?the cores of a node, divided by its slots in the hostfile}

# UNBOUND=1 for nodes that are containers of one machine and don't know that they share its cores: ranks then give way
# while they wait instead of spinning.
binding=(--map-by "slot:PE=$threads" --bind-to core)
if [ -n "${UNBOUND-}" ]; then binding=(--map-by slot --bind-to none --mca mpi_yield_when_idle 1); fi

command=(
    mpirun --hostfile "$hostfile"

    # As many ranks as there are slots, each bound to its cores.
    "${binding[@]}"

    # Messages between ranks, and between mpirun and its daemons: both need the interface.
    --mca btl "self,vader,tcp" --mca pml ob1
    --mca btl_tcp_if_include "$network"
    --mca oob_tcp_if_include "$network"

    # Gradients are reduced in a ring: each of n nodes sends 2 (n−1)/n of their bytes. Open MPI's own choice took 1.8
    # times as long over 1 Gbit/s (64 MB between 4 namespace hosts: 1715 ms against 958 ms).
    --mca coll_tuned_use_dynamic_rules 1
    --mca coll_tuned_allreduce_algorithm 4

    # A node that loses its network is given up after 10 + 3 × 5 seconds. With the defaults it took 499 when measured.
    --mca oob_tcp_keepalive_time 10
    --mca oob_tcp_keepalive_intvl 5
    --mca oob_tcp_keepalive_probes 3

    # mpirun hands its environment to the ranks of this node only; what the others need is named.
    -x OPENBLAS_NUM_THREADS=1

    "$program" train --set "threads_per_rank=$threads" "$@"
)
printf '+ %s\n' "${command[*]}" >&2
exec "${command[@]}"
