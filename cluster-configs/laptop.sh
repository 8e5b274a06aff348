#!/usr/bin/env bash
# A laptop, or any machine of a few cores: one process, no MPI.
#
#   cluster-configs/laptop.sh run.yaml
#
# Not tested as this script; the command in it was, on a machine of 2 cores (Debian 12). ^C saves after the step at hand and
# ends with status 75; the same command goes on. A second ^C stops at once.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/../launch/environment.sh"

# Threads: as many as there are cores, by default. One process with n threads has one copy of weights, gradients and optimizer
# state; n processes would have n. `nice` leaves the machine usable beside it.
command=(
    nice -n 10 "$binary" train
    # Recomputing activations in the backward pass costs a third of the time and saves most of the memory.
    --set gradient_checkpointing=true
    # A checkpoint every few minutes, the last two kept: laptops are closed.
    --set save_total_limit=2
    "$@"
)
print_command "${command[@]}"
exec "${command[@]}"
