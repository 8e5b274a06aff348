#!/usr/bin/env bash
# api-docs.sh: makes the documentation of the source, one page for each declaration, in docs-api/ (a static web site).
#
#   launch/api-docs.sh [--output DIR] [TARGET …]      by default every target of the package
#
# By swift-docc-plugin, which is fetched for this alone; ends with 1 if a comment can't be read as documentation. Parameters whose
# names say all of them have no line of their own, so that is no fault.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$repository"

output=docs-api targets=()
read_options command "--output=output" "$@"
for name in "${rest[@]}"; do targets+=(--target "$name"); done
export PREFOPT_API_DOCS=1
if [ ${#targets[@]} = 0 ]; then
    for folder in Sources/*/; do
        name=$(basename "$folder")
        # C targets, and the command line, whose documentation is --help.
        if [[ $name =~ ^C[A-Z] || $name = swift-prefopt ]]; then continue; fi
        targets+=(--target "$name")
    done
fi
mkdir -p "$output"
announce swift package --scratch-path .build-docs --allow-writing-to-directory "$output" generate-documentation \
    "${targets[@]}" --enable-experimental-combined-documentation --symbol-graph-minimum-access-level package \
    --disable-parameters-and-returns-validation --warnings-as-errors --output-path "$output"
