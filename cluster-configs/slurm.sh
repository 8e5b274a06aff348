#!/usr/bin/env bash
# A Slurm cluster: 8 nodes of two sockets, a rank on each socket. Submits launch/slurm.sbatch, whose comments say what each
# option is for.
#
#   cluster-configs/slurm.sh run.yaml
#
# Tested: launch/slurm.sbatch under a Slurm 22.05 of three namespace hosts (launch/test-slurm.sh): a time limit that saves,
# requeues and ends with the same bits; a killed rank; without cgroups and on one machine. This mapping wasn't.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/../launch/environment.sh"
cd "$repository"
command=(
    sbatch
    --nodes=8 --ntasks-per-node=2 --ntasks-per-socket=1
    # Physical cores of a socket. Where Slurm counts hardware threads: --hint=nomultithread gives whole cores.
    --cpus-per-task=16 --hint=nomultithread
    # All of a node's memory, nobody else beside the run.
    --exclusive --mem=0
    --time=24:00:00
    # USR1 so many seconds before the end: more than the longest step and a save take.
    --signal=USR1@300
    # Where Slurm's network isn't found by itself: export OMPI_MCA_btl_tcp_if_include=10.0.0.0/16 before.
    launch/slurm.sbatch "$@"
)
print_command "${command[@]}"
exec "${command[@]}"
