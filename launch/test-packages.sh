#!/usr/bin/env bash
# test-packages.sh: tries what launch/package.sh packed in bare roots of Debian 12, made by debootstrap. As root.
#
#   launch/test-packages.sh [--output DIR]      DIR is where the packages are, by default dist/
#
# Each root has openmpi-bin and nothing else that a program of this kind needs. In each the program says its version, trains the
# embedded example on two ranks through launch/train.sh, and the manual page and the completions are where a shell looks for them.
# Where there is buildah, the Containerfile is built on a bare Debian too, and trained in.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$repository"

output=dist
read_options none "--output=output" "$@"
[ "$(id -u)" = 0 ] || stop "chroot and debootstrap need root"
command -v debootstrap >/dev/null || stop "there is no debootstrap; on Debian: apt-get install debootstrap"

work=$(mktemp -d)
trap 'umount -R "$work"/*/proc "$work"/*/sys "$work"/*/dev 2>/dev/null || true; rm -rf --one-file-system "$work"' EXIT
mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \([^ ]*\).*/\1/p' /etc/apt/sources.list /etc/apt/sources.list.d/* \
    2>/dev/null | head -n 1 || true)

say "== a bare root"
announce debootstrap --variant=minbase bookworm "$work/base" "${mirror:-http://deb.debian.org/debian}" >/dev/null
# The machine's own way to its packages.
cp -r /etc/apt/. "$work/base/etc/apt/"
cp /etc/resolv.conf "$work/base/etc/resolv.conf"
chroot "$work/base" apt-get update --quiet=2
chroot "$work/base" env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --quiet=2 --no-install-recommends openmpi-bin >/dev/null

# A copy of the base in which `inside COMMAND` runs, with what Open MPI wants to see of the machine.
open_root() {
    root=$work/$1
    cp -a "$work/base" "$root"
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount --rbind /dev "$root/dev"
}
inside() {
    announce chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root OPENBLAS_NUM_THREADS=1 \
        OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "$@"
}

# Trains the embedded example with what lies in a folder, and looks for the manual and the completions below a prefix.
try() {
    local program=$1 pages=$2 prefix=$3 file
    inside "$program" --version
    inside "$program" example /root/example
    inside bash -c "cd /root && '$program' doctor && '$pages/launch/train.sh' -n 2 -t 1 /root/example/prefopt.yaml \
        --set max_steps=20 --set output_dir=/root/run --set model_name_or_path=/root/example/model \
        --set train_file=/root/example/train.jsonl.gz --set eval_file=/root/example/test.jsonl.gz"
    inside test -s /root/run/final/model.safetensors
    for file in share/man/man1/swift-prefopt.1.gz share/bash-completion/completions/swift-prefopt \
        share/zsh/site-functions/_swift-prefopt share/fish/vendor_completions.d/swift-prefopt.fish; do
        inside test -s "$prefix/$file"
    done
    inside bash -n "$prefix/share/bash-completion/completions/swift-prefopt"
}

say "== the tarball"
tarball=$(ls "$output"/swift-prefopt-*-linux-x86_64.tar.gz)
open_root tarball
tar --extract --gzip --file "$tarball" -C "$root/opt"
name=/opt/$(basename "$tarball" .tar.gz)
try "$name/bin/swift-prefopt" "$name" "$name"

say "== the Debian package"
open_root deb
cp "$output"/swift-prefopt_*_amd64.deb "$root/root/swift-prefopt.deb"
inside apt-get install --yes --quiet=2 --no-install-recommends /root/swift-prefopt.deb
try /usr/bin/swift-prefopt /usr/share/swift-prefopt /usr
say "both packages run in a bare root"

say "== the container"
if ! command -v buildah >/dev/null; then
    say "test-packages.sh: the Containerfile was not tried: there is no buildah"
    exit 0
fi
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
storage=(--root "$work/containers" --runroot "$work/containers-run")
# What the registry would give; packages come from where this machine has them.
bare=$(announce buildah "${storage[@]}" from scratch)
announce buildah "${storage[@]}" add --quiet "$bare" "$work/base" / >/dev/null
announce buildah "${storage[@]}" commit --quiet --rm "$bare" docker.io/library/debian:12 >/dev/null
mkdir -p "$work/context/dist"
cp "$output"/swift-prefopt_*_amd64.deb "$work/context/dist/"
announce buildah "${storage[@]}" build --quiet --pull=never --file cluster-configs/kubernetes/Containerfile --tag prefopt \
    "$work/context" >/dev/null
container=$(buildah "${storage[@]}" from --pull=never localhost/prefopt)
announce buildah "${storage[@]}" run "$container" -- bash -c "swift-prefopt --version && swift-prefopt example /root/example \
    && cd /root/example && /usr/share/swift-prefopt/launch/train.sh -n 2 -t 1 prefopt.yaml --set max_steps=20 && test -s out/final/model.safetensors \
    && test -x /usr/sbin/sshd"
say "the container trains"
