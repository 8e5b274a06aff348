#!/usr/bin/env bash
# PBS Pro, OpenPBS or Torque: 4 nodes of 16 cores.
#
#   qsub -v RUN=run.yaml cluster-configs/pbs.sh
#
# Not tested: there was no PBS. What it starts, launch/multinode.sh with a hostfile, was (see four-nodes.sh). Debian's Open MPI
# is built without PBS support, so mpirun doesn't learn the nodes from it: they come from $PBS_NODEFILE, and ranks are started
# by ssh, which must work between the nodes of a job without a password. PBS then doesn't count what they use.
#PBS -N prefopt
#PBS -l select=4:ncpus=16:mpiprocs=1
#PBS -l place=scatter:excl
#PBS -l walltime=24:00:00
#PBS -j oe
# May be started again.
#PBS -r y
set -euo pipefail
# PBS runs a copy of this file, from elsewhere.
# shellcheck source=launch/environment.sh
source "${PBS_O_WORKDIR:-$(dirname "${BASH_SOURCE[0]}")/..}/launch/environment.sh"
cd "${PBS_O_WORKDIR:?start it with qsub}"
run=${RUN:?the run file: qsub -v RUN=run.yaml}

# A line for each mpiprocs of each chunk: counted, they are slots.
hostfile=$(mktemp)
trap 'rm -f "$hostfile"' EXIT
sort "$PBS_NODEFILE" | uniq -c | awk '{ print $2 " slots=" $1 }' >"$hostfile"

# qdel and the walltime send TERM some seconds before KILL (kill_delay): multinode.sh turns it into a save.
status=0
launch/multinode.sh --hosts "$hostfile" -t "${NCPUS:-16}" "$run" &
job=$!
trap 'kill -TERM "$job"; wait "$job" || status=$?' TERM
wait "$job" || status=$?

# 75: saved before the end; again from there.
if [ "$status" = 75 ]; then exec qsub -v RUN="$run" cluster-configs/pbs.sh; fi
exit "$status"
