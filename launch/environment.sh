# shellcheck shell=bash
# Sourced by the other scripts: where things are, and how they say what they run.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# The caller of this file uses it.
# shellcheck disable=SC2034
binary=$repository/.build/release/swift-prefopt

# Open MPI refuses to start as root until it is told twice.
if [ "$(id -u)" = 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

# The program shares out the cores itself. Without this OpenBLAS starts as many threads again while it is loaded.
export OPENBLAS_NUM_THREADS=1

say() { printf '%s\n' "$*" >&2; }

# Prints a command as it could be typed, then runs it.
announce() {
    print_command "$@"
    "$@"
}

print_command() {
    local text='+' word
    for word in "$@"; do
        # Plain words stay as they are: %q would put backslashes before every comma.
        if [[ $word =~ ^[A-Za-z0-9_./:,=@%+-]+$ ]]; then text+=" $word"; else text+=" '${word//\'/\'\\\'\'}'"; fi
    done
    say "$text"
}

stop() {
    say "$(basename "$0"): $*"
    exit 1
}
