#!/usr/bin/env bash
# test.sh: builds everything and runs all tests, those that start the real binary under mpirun at 1 to 5 ranks included,
# and as root a minute of launch/test-cluster.sh.
#
#   launch/test.sh [--filter NAME …]      options go to `swift test`; with any the cluster's part is left out
#
# Tests and program share one optimised build: what is tested is what runs.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$repository"

launch/setup.sh

# What the tests of the real binary start, alone and under mpirun.
export PREFOPT_BINARY=$binary
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

name_commit
announce swift build --configuration release --build-tests --explicit-target-dependency-import-check error
status=0
announce swift test --configuration release --skip-build --disable-xctest \
    --xunit-output "$results/tests.xml" "$@" || status=$?

# One element per test, with its failures and the reason it was skipped inside.
counts='
    /<testcase / { tests++; failing = 0 }
    /<skipped/ { skipped++ }
    /<failure/ && !failing { failing = 1; failed++ }
    END {
        printf "%d passed, %d failed", tests - skipped - failed, failed
        if (skipped) printf ", %d skipped", skipped
    }'
found=$(cat "$results"/*.xml 2>/dev/null | awk "$counts")
case $found in
    "0 passed, 0 failed"*)
        say "no test ran"
        status=$((status > 0 ? status : 1)) ;;
esac
printf '%s\n' "$found"

if [ $# = 0 ]; then announce launch/test-cluster.sh --short || status=1; fi
exit "$status"
