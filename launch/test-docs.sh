#!/usr/bin/env bash
# test-docs.sh: runs every command of the documentation's `sh` blocks, page by page, each page in an empty folder of its own.
#
#   launch/test-docs.sh [PAGE …]      by default docs/cookbook.md and docs/cookbook-on-policy.md
#
# Commands that need what one machine hasn't stand in `console` blocks, which are not run. Ends with 1 after the first block that
# fails, saying page and line; what the commands printed is then shown.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$repository"

pages=("$@")
[ $# -gt 0 ] || pages=(docs/cookbook.md docs/cookbook-on-policy.md)
binary=$(readlink -f "$binary")
[ -x "$binary" ] || stop "$binary isn't built yet; run launch/setup.sh"
PATH=$(dirname "$binary"):$PATH
export PATH
# More ranks than cores may be what a page asks for.
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for page in "${pages[@]}"; do
    [ -r "$page" ] || stop "$page can't be read"
    blocks=$work/$(basename "$page" .md)
    mkdir -p "$blocks/run"
    # Each block into a file that is named by its first line.
    awk -v folder="$blocks" '
        /^```sh$/ { file = sprintf("%s/%05d.sh", folder, NR + 1); next }
        /^```/ { file = "" }
        file { print > file }' "$page"
    count=0
    for block in "$blocks"/*.sh; do
        [ -e "$block" ] || stop "$page has no \`sh\` block"
        line=$((10#$(basename "$block" .sh)))
        start=$SECONDS
        if ! (cd "$blocks/run" && bash -euo pipefail "$block") >"$work/output" 2>&1 </dev/null; then
            cat "$work/output" >&2
            say "$page:$line: this block fails"
            exit 1
        fi
        say "$page:$line: $((SECONDS - start)) s"
        count=$((count + 1))
    done
    echo "$page: $count blocks run"
done
