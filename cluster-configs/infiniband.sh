#!/usr/bin/env bash
# Nodes joined by InfiniBand or RoCE, through UCX.
#
#   HOSTFILE=hosts THREADS=16 DEVICE=mlx5_0:1 cluster-configs/infiniband.sh run.yaml
#
# Not tested: there was no such hardware. The option names are Open MPI 4.1's and UCX's; Debian 12's Open MPI is built with
# UCX (`ompi_info | grep ucx` shows pml ucx). Run `… doctor` in place of `train` first: latency between nodes should be a few
# microseconds and bandwidth near the link's; tens of microseconds mean that it fell back to TCP.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/../launch/environment.sh"
hostfile=${HOSTFILE:?a hostfile, one line \`name slots=RANKS\` for each node}
threads=${THREADS:?the cores of a node, divided by its slots in the hostfile}
# `ucx_info -d | grep Device` or `ibv_devices` names them; one port of one adapter, the one nearest to the ranks' NUMA node.
device=${DEVICE:?the adapter and its port, for instance DEVICE=mlx5_0:1}
# For mpirun's own daemons, which speak TCP: IP over InfiniBand or the management network.
control=${CONTROL:-ib0}

command=(
    mpirun --hostfile "$hostfile" --map-by "slot:PE=$threads" --bind-to core
    # Messages by UCX only: without it the job fails instead of crawling over Ethernet.
    --mca pml ucx --mca osc ucx
    -x UCX_NET_DEVICES="$device"
    # Reliable connections between nodes, shared memory inside one. dc_x in place of rc_x from some hundred nodes on.
    -x "UCX_TLS=rc_x,sm,self"
    --mca oob_tcp_if_include "$control"
    --mca oob_tcp_keepalive_time 5 --mca oob_tcp_keepalive_intvl 2 --mca oob_tcp_keepalive_probes 3
    --mca odls_base_sigkill_timeout 0
    # Memory is pinned for the adapter: `ulimit -l` must be unlimited on every node (/etc/security/limits.d).
    -x OPENBLAS_NUM_THREADS=1
    "$binary" train --set "threads_per_rank=$threads" "$@"
)
print_command "${command[@]}"
exec "${command[@]}"
