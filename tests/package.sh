#!/bin/bash
# What a user of the library meets: headers that stand alone, in C and in C++; no symbols but its own; an installation
# that pkg-config finds; a README whose program works.
set -u
build=${BUILD:-build} cc=${CC:-gcc} cxx=${CXX:-g++}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
sanitizer=${SAN:+-fsanitize=$SAN}
strict="-Wall -Wextra -Wpedantic -Werror"

check() {
    local name=$1
    shift
    if "$@" >"$work/log" 2>&1; then echo "ok $name"; else echo "not ok $name"; cat "$work/log"; fi
}

run() { # FLAGS... - builds $work/program.c and runs it
    $cc -std=c11 $strict $sanitizer "$work/program.c" -o "$work/program" "$@" && (cd "$work" && ./program >output)
}

symbols() {
    ! nm -D --defined-only "$build/libag.so" | awk '$2 ~ /[TDBR]/ { print $3 }' | grep -vE "^((ag|nn|optim|AG)_|__odr_asan)"
}

# The README's first C block is a program, the first text block after it what the program prints.
block() {
    awk -v start="\`\`\`$1" '$0 == start { take = 1; next } /^```/ && take { exit } take' README.md
}

readme() { # FLAGS...
    block c >"$work/program.c"
    block text >"$work/expected"
    run "$@" && diff "$work/expected" "$work/output"
}

install_and_use() {
    # make's own flags, without its slots for parallel work, which this script is not part of
    MAKEFLAGS=$(sed -E 's/ -j[0-9]*//; s/ --jobserver-[^ ]*//' <<<"${MAKEFLAGS:-}") \
        make -s install DESTDIR="$work/root" PREFIX=/usr || return 1
    local flags
    flags=$(PKG_CONFIG_SYSROOT_DIR=$work/root PKG_CONFIG_PATH=$work/root/usr/lib/pkgconfig \
        PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 pkg-config --cflags --libs ag) || return 1
    readme $flags -Wl,-rpath,"$work/root/usr/lib"
}

for header in ag/ag.h nn/nn.h optim/optim.h; do
    [[ -e $header ]] || continue
    echo "#include \"$header\"" >"$work/header.c"
    check "$header in C" $cc -std=c11 $strict -I. -fsyntax-only "$work/header.c"
    if command -v "$cxx" >/dev/null; then
        cp "$work/header.c" "$work/header.cc"
        check "$header in C++" "$cxx" -std=c++17 $strict -I. -fsyntax-only "$work/header.cc"
    else
        echo "skip $header in C++: there is no $cxx"
    fi
done
check "symbols" symbols
check "README" readme -I. "$build/libag.so" -Wl,-rpath,"$(cd "$build" && pwd)"
check "installation" install_and_use
