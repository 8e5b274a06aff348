#!/usr/bin/env bash
# Four nodes over 1 Gbit/s Ethernet, by a hostfile and ssh, kept going when one of them dies. Started on the first of them:
#
#   NETWORK=10.0.0.0/24 THREADS=16 cluster-configs/four-nodes.sh run.yaml
#
# What must be the same on every node, at the same paths: this folder with its build, the Swift runtime it was built with,
# Open MPI and OpenBLAS, and the model and data of the run. A shared disk gives all of it; output_dir must be on one for a
# restart without the first node. The preflight says what isn't the same.
#
# What it starts was tested by launch/test-cluster.sh, on four network-namespace hosts of one machine of 2 cores, each with its
# own address, host name, /tmp and /dev/shm and one shared disk, an agent in place of ssh: the same bits, deaths, dead links. Not
# tested on four machines.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/../launch/environment.sh"
hostfile=${HOSTFILE:-$repository/cluster-configs/four-nodes.hostfile}

# The network that joins the nodes. `ip -brief address` shows what there is; never docker0 or virbr0.
network=${NETWORK:?the address range of the network between the nodes, for instance NETWORK=10.0.0.0/24}

# Cores of a node, divided by its slots.
threads=${THREADS:?the cores of a node, divided by its slots in the hostfile}

# 1 Gbit/s moves about 110 MB/s: a step of a 135M model reduces 540 MB, some 8 seconds in a ring of four. It pays when a step
# computes for longer than that: a large global_batch_size, or LoRA, whose gradients are a hundredth. `swift-prefopt doctor`
# measures the links (launch/multinode.sh --command doctor), `swift-prefopt scaling` the whole.
exec "$repository/launch/supervise.sh" --hosts "$hostfile" \
    "$repository/launch/multinode.sh" --hosts "$hostfile" --network "$network" -t "$threads" "$@"
