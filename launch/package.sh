#!/usr/bin/env bash
# package.sh: packs the program for machines without Swift, into dist/: a tarball for any folder and a Debian package.
#
#   launch/package.sh [--output DIR]
#
#   swift-prefopt-VERSION-linux-x86_64.tar.gz   the program with Swift's runtime inside it and, under lib/, the libraries that
#                                               openmpi-bin doesn't bring; a node needs openmpi-bin and nothing else
#   swift-prefopt_VERSION_amd64.deb             the same program on Debian's own libraries
#
# Both bring the launch scripts, the manual page and completions for bash, zsh and fish. launch/test-packages.sh tries them in a
# bare root. The program is built in a folder of its own, .build-package, since it is linked otherwise.
set -euo pipefail
# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$repository"

output=dist
read_options none "--output=output" "$@"
for tool in dpkg-deb dpkg-shlibdeps patchelf strip; do
    command -v "$tool" >/dev/null || stop "there is no $tool; on Debian: apt-get install dpkg-dev patchelf binutils"
done

# Whatever setup.sh checks holds here too, its own build left out.
name_commit
announce swift build --configuration release --product swift-prefopt --scratch-path .build-package --static-swift-stdlib
built=.build-package/release/swift-prefopt
version=$("$built" --version | sed -n 's/^swift-prefopt \([^ ]*\).*/\1/p')
[ -n "$version" ] || stop "$built doesn't say its version"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$output"

# The libraries that a program needs, as paths.
libraries_of() { ldd "$1" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }'; }

# Libraries that every node has: those of libc, those that openmpi-bin depends on, and the C++ runtime, which is never to be older
# than the plugins that Open MPI loads.
theirs() {
    libraries_of "$(ldconfig -p | awk '$1 == "libmpi.so.40" { print $NF; exit }')"
    ldconfig -p | awk '$1 == "libmpi.so.40" { print $NF; exit }'
    libraries_of "$built" | grep -E '/(libc|libm|libdl|libpthread|librt|libresolv|libstdc\+\+|libgcc_s|libhwloc|ld-linux)[.-]'
}

# What all packages share below a prefix: the program, its manual and its completions. The scripts and pages go to a folder.
fill() {
    local prefix=$1 pages=$2 shell
    install -D -m 755 "$built" "$prefix/bin/swift-prefopt"
    strip --strip-unneeded "$prefix/bin/swift-prefopt"
    install -D -m 644 "$work/swift-prefopt.1.gz" "$prefix/share/man/man1/swift-prefopt.1.gz"
    mkdir -p "$prefix/share/bash-completion/completions" "$prefix/share/zsh/site-functions" \
        "$prefix/share/fish/vendor_completions.d"
    for shell in bash zsh fish; do
        "$built" --generate-completion-script "$shell" >"$work/$shell"
    done
    cp "$work/bash" "$prefix/share/bash-completion/completions/swift-prefopt"
    cp "$work/zsh" "$prefix/share/zsh/site-functions/_swift-prefopt"
    cp "$work/fish" "$prefix/share/fish/vendor_completions.d/swift-prefopt.fish"
    mkdir -p "$pages"
    cp -r README.md CHANGELOG.md docs examples cluster-configs "$pages"
    mkdir -p "$pages/launch"
    cp launch/environment.sh launch/train.sh launch/multinode.sh launch/slurm.sbatch launch/supervise.sh "$pages/launch"
}

# The argument parser makes the manual page out of the program's own help.
generator=.build-package/manual
announce swift build --configuration release --product generate-manual --scratch-path "$generator" \
    --package-path .build-package/checkouts/swift-argument-parser
announce "$generator/release/generate-manual" "$built" --output-directory "$work"
gzip -9 -n "$work/swift-prefopt.1"

say "== the tarball"
name=swift-prefopt-$version-linux-x86_64
root=$work/$name
fill "$root" "$root"
mkdir -p "$root/lib"
theirs | xargs -n 1 basename | sort -u >"$work/theirs"
for library in $(libraries_of "$built"); do
    grep -qx "$(basename "$library")" "$work/theirs" || cp -L "$library" "$root/lib/"
done
# DT_RPATH, unlike DT_RUNPATH, also finds what the libraries in lib/ need themselves.
# shellcheck disable=SC2016 # $ORIGIN is the loader's.
patchelf --force-rpath --set-rpath '$ORIGIN/../lib' "$root/bin/swift-prefopt"
tar --create --gzip --file "$output/$name.tar.gz" --owner 0 --group 0 --numeric-owner --sort name -C "$work" "$name"

say "== the Debian package"
root=$work/deb
fill "$root/usr" "$root/usr/share/swift-prefopt"
patchelf --remove-rpath "$root/usr/bin/swift-prefopt"
mkdir -p "$work/debian" "$root/DEBIAN"
printf 'Source: swift-prefopt\n\nPackage: swift-prefopt\nArchitecture: amd64\n' >"$work/debian/control"
needed=$(cd "$work" && dpkg-shlibdeps -O deb/usr/bin/swift-prefopt 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
[ -n "$needed" ] || stop "dpkg-shlibdeps doesn't say what the program depends on"
cat >"$root/DEBIAN/control" <<END
Package: swift-prefopt
Version: $version
Architecture: amd64
Maintainer: swift-prefopt <root@localhost>
Section: science
Priority: optional
Installed-Size: $(du -sk "$root/usr" | cut -f 1)
Depends: openmpi-bin, $needed
Description: Preference optimization of language models on CPU clusters
 DPO, SimPO, MODPO and their relatives over MPI: reads a Hugging Face model folder and preference pairs, and writes a folder that
 transformers opens.
END
dpkg-deb --build --root-owner-group "$root" "$output/swift-prefopt_${version}_amd64.deb" >&2

ls -l "$output" >&2
