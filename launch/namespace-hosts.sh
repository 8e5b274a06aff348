# shellcheck shell=bash
# namespace-hosts.sh: sourced by the cluster tests, as root: several hosts on one machine. A host is a set of namespaces
# (network, host name, mounts, processes, shared memory) with its own address 10.77.0.K, host name nodeK, /tmp and /dev/shm;
# the rest of the disk is shared, as between real nodes. They are joined by a bridge. `hosts_up 4` makes them, `hosts_down`
# ends them.
# By itself it only answers --help.
# shellcheck source=launch/environment.sh
declare -F usage >/dev/null || source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

# The caller says where.
: "${hosts_folder:?}"

# Of this run's names in /run/netns and of its interfaces: two tests at once don't meet.
hosts_tag=p$(($$ % 10000))
hosts_count=0

# Whether this machine lets us make hosts; says why not.
hosts_possible() {
    local tool
    [ "$(id -u)" = 0 ] || { say "not root"; return 1; }
    case $binary in
        "$repository"/*) ;;
        /tmp/*) say "hosts have a /tmp of their own, and the program is $binary"; return 1 ;;
    esac
    for tool in ip nsenter unshare; do command -v "$tool" >/dev/null || { say "no $tool (apt-get install iproute2)"; return 1; }; done
    unshare --mount --net --uts --ipc --pid --fork true 2>/dev/null || { say "namespaces aren't allowed here"; return 1; }
    ip link add "${hosts_tag}t" type bridge 2>/dev/null || { say "no network bridges here"; return 1; }
    ip link del "${hosts_tag}t"
}

# What a host mounts, as text for a shell that has mounts of its own: FOLDER HOSTS are its arguments, FOLDER the one that
# holds the repository. All hosts share that one even where it is below /tmp, whose rest is each host's own.
# shellcheck disable=SC2016
mount_private='
    mount --bind "$2" /etc/hosts; mount -t tmpfs shm /dev/shm
    case $1/ in
        /tmp/*) mount --rbind "$1" /mnt; mount -t tmpfs tmp /tmp; mkdir -p "$1"; mount --move /mnt "$1" ;;
        *) mount -t tmpfs tmp /tmp ;;
    esac'

hosts_up() {
    local k
    hosts_count=$1
    mkdir -p "$hosts_folder/nodes" "$hosts_folder/proc"
    { echo "127.0.0.1 localhost"; for k in $(seq "$hosts_count"); do echo "10.77.0.$k node$k"; done; } >"$hosts_folder/hosts"
    # Inside a host /proc is its own; entering another host needs ours.
    mountpoint -q "$hosts_folder/proc" || mount --bind /proc "$hosts_folder/proc"
    cat >"$hosts_folder/agent.sh" <<-EOF
		#!/bin/sh
		# In place of ssh: HOST COMMAND…
		host=\$1; shift
		p=$hosts_folder/proc/\$(cat "$hosts_folder/nodes/\$host" 2>/dev/null || echo none)/ns
		[ -e "\$p/net" ] && nsenter --net="\$p/net" ip link show eth0 | grep -q "state UP" \\
		    || { echo "\$host: no route" >&2; exit 255; }
		exec nsenter --net="\$p/net" --uts="\$p/uts" --ipc="\$p/ipc" --pid="\$p/pid" --mount="\$p/mnt" --wd=/ -- sh -c "\$*"
	EOF
    chmod +x "$hosts_folder/agent.sh"
    ip netns add "${hosts_tag}b"
    ip netns exec "${hosts_tag}b" ip link add bridge0 type bridge
    ip netns exec "${hosts_tag}b" ip link set bridge0 up
    for k in $(seq "$hosts_count"); do host_up "$k"; done
}

# Starts host K, again if it was killed.
host_up() {
    local k=$1 name=$hosts_tag$1 outer mounts
    if [ ! -e "/run/netns/$name" ]; then
        ip netns add "$name"
        ip link add "${name}v" type veth peer name eth0 netns "$name"
        ip link set "${name}v" netns "${hosts_tag}b"
        ip netns exec "${hosts_tag}b" ip link set "${name}v" master bridge0 up
        ip netns exec "$name" ip addr add "10.77.0.$k/24" dev eth0
        ip netns exec "$name" ip link set eth0 up
        ip netns exec "$name" ip link set lo up
        # What container software leaves on every node, with the same address on each.
        ip netns exec "$name" ip link add docker0 type bridge
        ip netns exec "$name" ip addr add 172.17.0.1/16 dev docker0
        ip netns exec "$name" ip link set docker0 up
    fi
    mounts=$(readlink /proc/self/ns/mnt)
    # Without mounts of its own it would cover the machine's /tmp.
    # shellcheck disable=SC2016
    setsid nsenter --net="/run/netns/$name" \
        unshare --mount --propagation private --uts --ipc --pid --fork --kill-child sh -ec '
            [ "$(readlink /proc/self/ns/mnt)" != "$1" ] || exit 9
            hostname "$2"; shift 2
            '"$mount_private"'
            mount -t proc proc /proc
            exec sh -c "sleep infinity & wait"' sh "$mounts" "node$k" "$repository" "$hosts_folder/hosts" \
        >/dev/null 2>&1 </dev/null &
    outer=$!
    disown "$outer"
    local child=''
    for _ in $(seq 100); do
        read -r child _ 2>/dev/null <"/proc/$outer/task/$outer/children" || true
        # Its own /proc is the last of its mounts.
        if [ -n "$child" ] && nsenter -t "$child" -m -p -- grep -q " /proc proc" /proc/1/mounts 2>/dev/null; then break; fi
        sleep 0.02
    done
    [ -n "$child" ] || { say "node$k doesn't start"; return 1; }
    echo "$child" >"$hosts_folder/nodes/node$k"
}

# A crash: everything on host K is gone at once.
host_kill() {
    kill -KILL "$(cat "$hosts_folder/nodes/node$1")" 2>/dev/null || true
    rm -f "$hosts_folder/nodes/node$1"
}

host_is_up() { [ -e "$hosts_folder/nodes/node$1" ]; }

# A pulled cable, or one plugged in again: up or down.
host_link() { ip netns exec "$hosts_tag$1" ip link set eth0 "$2"; }

# Runs something on host K, where mpirun would put a rank.
on_host() {
    local k=$1
    shift
    "$hosts_folder/agent.sh" "node$k" "$(printf '%q ' "$@")"
}

# Runs something on host 1 as its user would, in the machine's process numbers: from a nested set of them mpirun's agent
# couldn't enter the other hosts.
# shellcheck disable=SC2016
at_console() {
    nsenter -t "$(cat "$hosts_folder/nodes/node1")" -n -u -i -- unshare --mount --propagation private sh -ec '
        [ "$(readlink /proc/self/ns/mnt)" != "$1" ] || exit 9
        shift
        '"$mount_private"'
        shift 2; exec "$@"' sh "$(readlink /proc/self/ns/mnt)" "$repository" "$hosts_folder/hosts" "$@"
}

# Process numbers of a program's ranks on host K, as this machine counts them.
ranks_on() {
    local k=$1 program=$2 wanted entry
    wanted=$(readlink "/proc/$(cat "$hosts_folder/nodes/node$k" 2>/dev/null || echo none)/ns/uts") || return 0
    # A copy mounted over the program shows under the same name. One process looks at all of them: a run of seconds is not to
    # be over before the shell has found its ranks.
    # That some processes end under its eyes is no failure.
    { find /proc -mindepth 2 -maxdepth 2 -path '/proc/[0-9]*/exe' -lname "$program" -printf '%h\n' 2>/dev/null || true; } \
        | while read -r entry; do
            if [ "$(readlink "$entry/ns/uts" 2>/dev/null)" = "$wanted" ]; then echo "${entry#/proc/}"; fi
        done
}

hosts_down() {
    local k
    for k in $(seq "$hosts_count"); do
        if host_is_up "$k"; then host_kill "$k"; fi
        ip netns del "$hosts_tag$k" 2>/dev/null || true
    done
    ip netns del "${hosts_tag}b" 2>/dev/null || true
    umount "$hosts_folder/proc" 2>/dev/null || true
}
