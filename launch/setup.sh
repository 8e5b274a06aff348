#!/usr/bin/env bash
# setup.sh: what a machine needs, and the release build at .build/release/swift-prefopt. Run again, it only checks.
#
# One build serves every CPU with AVX2 and FMA: the kernels for AVX-512 and AMX are in it and are chosen at run time.
#
# Installs missing Debian packages if it may (as root, or through sudo without a password); never Swift itself.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$repository"
[ $# = 0 ] || stop "there is no option $1; --help says what there is"

packages=(
    openmpi-bin libopenmpi-dev libopenblas-dev libhwloc-dev zlib1g-dev libzstd-dev libsnappy-dev liblz4-dev
    libonig-dev libssl-dev libcurl4-openssl-dev pkg-config)

install_packages() {
    local missing=() package privilege=()
    for package in "${packages[@]}"; do
        # pkgconf answers to the name pkg-config on newer releases.
        if [ "$package" = pkg-config ] && command -v pkg-config >/dev/null; then continue; fi
        dpkg-query --show --showformat='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' \
            || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
            stop "packages are missing; as root: apt-get install ${missing[*]}"
        fi
        privilege=(sudo -n)
    fi
    announce "${privilege[@]}" apt-get update --quiet
    announce "${privilege[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --quiet --no-install-recommends "${missing[@]}"
}

check_libraries() {
    local module absent=()
    command -v pkg-config >/dev/null || stop "pkg-config is missing; on Debian: apt-get install ${packages[*]}"
    for module in ompi-c openblas hwloc zlib libzstd snappy liblz4 oniguruma libcrypto libcurl; do
        pkg-config --exists "$module" || absent+=("$module")
    done
    [ ${#absent[@]} = 0 ] \
        || stop "pkg-config doesn't find ${absent[*]}; install what these Debian packages hold: ${packages[*]}"
    command -v mpirun >/dev/null || stop "there is no mpirun; install Open MPI 4.1 (Debian: openmpi-bin)"
}

check_swift() {
    local version source=https://www.swift.org/install/linux
    command -v swift >/dev/null || stop "there is no swift; Swift 6.3 for Linux: $source"
    version=$(swift --version 2>/dev/null | sed -n 's/^.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
    case $version in
        6.[3-9] | 6.[1-9][0-9] | [7-9].* | [1-9][0-9].*) ;;
        *) stop "$(command -v swift) is version ${version:-unknown}; expected 6.3 or newer: $source" ;;
    esac
}

check_processor() {
    [ "$(uname -m)" = x86_64 ] || stop "this machine is $(uname -m); the kernels need x86-64 with AVX2 and FMA"
    local flag
    for flag in avx2 fma; do
        grep -qw -m 1 "$flag" /proc/cpuinfo || stop "this CPU has no $flag; the kernels need AVX2 and FMA"
    done
}

check_processor
if command -v dpkg-query >/dev/null; then install_packages; fi
check_libraries
check_swift

name_commit
announce swift build --configuration release --product swift-prefopt >&2
say "built: .build/release/swift-prefopt"
