#!/bin/bash
# make deb: the package says what it needs, holds what it should, and installs and runs in a root with nothing else.
#
# That root is made of the files of this machine's packages, without the network: those that the package depends on and
# what they depend on in turn. dpkg configures it there only if its dependencies are met, and programs that link it run
# only if these were all.
set -u
. tests/check.bash
if [[ ${SAN:-} ]]; then
    echo "skip Debian package: it is the same whatever library is tested"
    exit
fi
for tool in dpkg-deb dpkg-shlibdeps dpkg-query pkg-config unshare flock; do
    command -v $tool >/dev/null || { echo "skip Debian package: there is no $tool"; exit; }
done
if ! inside=$([[ $(id -u) = 0 ]] || echo "unshare -r") || ! $inside chroot / true 2>/dev/null; then
    echo "skip Debian package: only root may change to another root here"
    exit
fi
root=$work/root
lib=usr/lib/$(gcc -print-multiarch)

build_package() {
    touch "$work/before"
    default_make deb CFLAGS='-O0 -U_FORTIFY_SOURCE' && deb=$(find build*/ -maxdepth 1 -name 'libag-dev_*.deb' -newer "$work/before")
}
field() { dpkg-deb -f "$deb" "$1"; }

# needs NAME - it or, in the list of alternatives, one that is installed here
needs() { field Depends | tr ',' '\n' | grep -qE "^ *$1( |$)"; }

# The packages of a list of dependencies, each with those that it depends on: the first alternative that is installed.
closure() {
    local alternatives name
    while IFS= read -r alternatives; do
        for name in $(sed 's/([^)]*)//g; s/:any//g; s/|/ /g' <<<"$alternatives"); do
            dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q ' installed' || continue
            [[ " $packages " = *" $name "* ]] && break
            packages+=" $name"
            closure < <(dpkg-query -W -f '${Pre-Depends}, ${Depends}\n' "$name" | tr ',' '\n')
            break
        done
    done
}

clean_root() {
    packages=
    closure < <(field Depends | tr ',' '\n')
    mkdir -p "$root"/{tmp,var/lib/dpkg/{info,updates}}
    for link in bin sbin lib lib32 lib64 libx32; do
        [[ -L /$link ]] && mkdir -p "$root/usr/$link" && ln -s "usr/$link" "$root/$link"
    done
    # shellcheck disable=SC2086
    dpkg-query -s $packages >"$root/var/lib/dpkg/status" && dpkg -L $packages | grep -v '^/\.$' | sort -u >"$work/list" &&
        tar -C / --no-recursion --ignore-failed-read -cf - -T <(while read -r f; do [[ -d $f ]] || echo ".$f"; done <"$work/list") |
        tar -C "$root" --keep-directory-symlink -xf -
}

program() { # NAME FLAGS... - README's program, linked against what lies in the root, and run there
    local name=$1
    shift
    awk '/^```c/ { take = 1; next } /^```/ && take { exit } take' README.md >"$work/program.c"
    awk '/^```text/ { take = 1; next } /^```/ && take { exit } take' README.md >"$work/expected"
    gcc -std=c11 -Wall -Wextra -Werror "$work/program.c" -o "$root/tmp/$name" "$@" &&
        $inside chroot "$root" "/tmp/$name" >"$work/output" && diff "$work/expected" "$work/output"
}
flags() { # MODULE - as pkg-config has them in the root; paths below it are looked up there
    PKG_CONFIG_LIBDIR=$root/$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root pkg-config --cflags --libs "$1"
}
install_package() { dpkg --root="$root" --force-not-root --install "$deb"; }
shared() { program shared $(flags ag); }
archive() { program archive $(flags ag-static | sed "s,-L$root/usr/lib,-L/usr/lib,g"); }
refused() { # where a dependency is missing, dpkg does not configure it
    local status=$root/var/lib/dpkg/status
    awk 'BEGIN { RS = ""; ORS = "\n\n" } !/^Package: libsleef/' "$status" >"$work/status" && mv "$work/status" "$status" &&
        ! install_package 2>"$work/refusal" && grep -q 'depends on libsleef' "$work/refusal"
}
complete() {
    dpkg-deb --fsys-tarfile "$deb" | tar -tf - | sed -n 's,^\./usr/include/ag/\(.*\.hp*\),\1,p' | sort >"$work/there"
    ls ag/*.h ag/*.hpp nn/*.h optim/*.h | grep -v internal | sort | diff - "$work/there"
}
levels() { # a library for every level that processors of this kind have
    local count=1
    [[ $(uname -m) = x86_64 ]] && count=3
    [[ $(dpkg-deb --fsys-tarfile "$deb" | tar -tf - | grep -c '/libag\.so\.0$') = "$count" ]]
}
# A package for both, without a changelog and an address, which finds the flavour of BLIS that it was built with.
tags=bogus-mail-host,no-changelog,custom-library-search-path,link-to-shared-library-in-wrong-package,package-name-doesnt-match-sonames
without_tags() { lintian --allow-root --fail-on error,warning --suppress-tags $tags "$deb"; }

check "make deb" build_package
if [[ ! ${deb:-} ]]; then exit; fi
for package in libblis4-serial libc6 libsleef3 zlib1g; do
    check "it needs $package" needs $package
done
check "it has every public header" complete
check "it has a library for each level of processors" levels
check "a root with what it needs" clean_root
check "it is refused where something is missing" refused
rm -rf "$root" && clean_root
check "it installs there" install_package
check "a program with the shared library runs there" shared
check "a program with the archive runs there" archive
if command -v lintian >/dev/null; then
    check "lintian" without_tags
else
    echo "skip lintian: it is not there"
fi
check "it goes without a trace" dpkg --root="$root" --force-not-root --purge libag-dev
if find "$root" -name '*libag*' -o -name 'ag*.pc' -o -name ag.h | grep .; then echo "not ok something is left"; else echo "ok nothing is left"; fi
