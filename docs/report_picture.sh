#!/usr/bin/env bash
# report_picture.sh: makes docs/report.png, the picture of a report in the README, from a run of the embedded example.
#
#   docs/report_picture.sh        needs the built program and Debian's chromium
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
program=$PWD/.build/release/swift-prefopt picture=$PWD/docs/report.png
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$program" example >/dev/null
"$program" train prefopt-example/prefopt.yaml --resume never
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1280,1560 --screenshot="$picture" \
    "file://$work/prefopt-example/out/report.html"
