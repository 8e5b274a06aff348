# shellcheck shell=bash
# environment.sh: sourced by the other scripts: where things are, how they say what they run, and how a job is run to its end. The first
# thing that it does is to answer --help for all of them.

# The comment at the head of a script, as its --help.
usage() { sed -n '2,$ { /^#/!q; /^#[A-Z]/q; /^# shellcheck/d; s/^# \{0,1\}//; p; }' "$0"; }

case ${1-} in -h | --help) usage; exit 0 ;; esac

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# As it was built here, else as launch/package.sh packed it.
binary=${PREFOPT_BINARY:-$repository/.build/release/swift-prefopt}
for packed in "$repository/bin/swift-prefopt" "$(command -v swift-prefopt || true)"; do
    if [ ! -x "$binary" ] && [ -x "$packed" ]; then binary=$packed; fi
done

# Open MPI refuses to start as root until it is told twice.
if [ "$(id -u)" = 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

# The program shares out the cores itself. Without this OpenBLAS starts as many threads again while it is loaded.
export OPENBLAS_NUM_THREADS=1

# Before a build, for --version: the commit that the program is built from.
name_commit() {
    PREFOPT_COMMIT=$(git -C "$repository" describe --always --dirty --exclude='*' 2>/dev/null || echo unknown)
    export PREFOPT_COMMIT
}

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

# Something is wrong with what was asked for: the program's status for that.
stop() {
    say "$(basename "$0"): $*"
    exit 2
}

positive() {
    [[ $2 =~ ^[1-9][0-9]{0,4}$ ]] || stop "$1 is ${2:-empty}; expected a whole number, 1 or more"
    printf '%s' "$2"
}

# Reads a script's options into variables, and what is left into the array `rest`.
#
#   read_options none|command|pass "--OPTION=VARIABLE[:number|:flag] …" "$@"
#
# An option has a value, a positive number, or is a flag, whose variable becomes 1. Words that are none of the options are
# refused (none), are a command from the first one on, or are passed on whatever they are; `--` ends the options.
read_options() {
    local others=$1 known=" $2 " found value
    shift 2
    rest=()
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) usage; exit 0 ;;
            --) shift; break ;;
        esac
        if [[ $known == *" $1="* ]]; then
            found=${known#*" $1="} found=${found%% *}
            case $found in
                *:flag) printf -v "${found%:*}" 1; shift; continue ;;
                *:number) value=$(positive "$1" "${2-}") ;;
                *) value=${2-} ;;
            esac
            [ $# -gt 1 ] || stop "$1 needs a value"
            printf -v "${found%:*}" %s "$value"
            shift 2
        elif [ "$others" = pass ]; then
            rest+=("$1")
            shift
        elif [ "$others" = command ] && [[ $1 != -* ]]; then
            break
        else
            stop "there is no option $1; --help lists them"
        fi
    done
    rest+=("$@")
}

# Runs a job to its end and exits with one of the program's statuses.
#
# mpirun answers TERM and INT by killing its ranks at once; USR1 it passes on, and they save. So the job gets a process
# group of its own, which the keyboard doesn't reach, and TERM and the first INT to this script become its USR1.
run_job() {
    local job status signalled=1 asked=0
    print_command "$@"
    set -m
    "$@" </dev/null &
    job=$!
    set +m
    trap 'signalled=1; kill -USR1 "$job" 2>/dev/null || true' USR1 USR2 TERM
    trap 'signalled=1 asked=$((asked + 1))
        if [ "$asked" = 1 ]; then
            say "stopping after this step; once more to stop at once"
            kill -USR1 "$job" 2>/dev/null || true
        else
            kill -TERM "$job" 2>/dev/null || true
        fi' INT
    while [ "$signalled" = 1 ]; do
        signalled=0 status=0
        wait "$job" || status=$?
    done
    [ "$asked" -lt 2 ] || exit 130
    exit "$(program_status "$status")"
}

# The program's own statuses as they are. Others are the launcher's: a rank that was killed, a node that was lost. A script
# that knows its hosts says more by a function lost_hosts.
program_status() {
    local lost=''
    case $1 in
        0 | 2 | 3 | 4 | 75 | 126 | 127) echo "$1" ;;
        # SIGIO: a rank has said why, and ended mpirun, which waited for a host that was lost.
        157) echo 4 ;;
        *)
            if declare -F lost_hosts >/dev/null; then lost=$(lost_hosts); fi
            say "$(basename "$0"): ${lost:-$(death "$1")}"
            echo 4 ;;
    esac
}

# How a job ended that no rank could speak for, by mpirun's status: 128 and the signal that ended a rank.
death() {
    if [ "$1" -gt 128 ] && [ "$1" -le 192 ]; then
        echo "a rank was ended by the signal SIG$(kill -l "$1" 2>/dev/null || echo " $(($1 - 128))") (9 is often the kernel's, for memory: dmesg)"
    else
        echo "the launcher failed with the status $1; mpirun without --quiet says more"
    fi
}

# The names in an Open MPI hostfile, each once.
hosts_of() { sed 's/#.*//' "$1" | awk 'NF && !seen[$1]++ { print $1 }'; }

# Whether a host can be told to run something, and has the program.
host_answers() {
    local agent=${1:-ssh -o BatchMode=yes -o ConnectTimeout=4} host=$2 program=$3
    # The agent is a command with its options.
    # shellcheck disable=SC2086
    timeout 8 $agent "$host" test -x "$program" </dev/null >/dev/null 2>&1
}
