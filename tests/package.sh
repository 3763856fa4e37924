#!/bin/bash
# What a user of the library meets: headers that stand alone, in C and in C++; no symbols but its own; an installation
# that pkg-config finds; a README whose program works.
set -u
build=${BUILD:-build} cc=${CC:-gcc} cxx=${CXX:-g++}
. tests/check.bash
sanitizer=${SAN:+-fsanitize=$SAN}
strict="-Wall -Wextra -Wpedantic -Werror"

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

# make's own flags, without its slots for parallel work, which this script is not part of
quiet_make() {
    MAKEFLAGS=$(sed -E 's/ -j[0-9]*//; s/ --jobserver-[^ ]*//' <<<"${MAKEFLAGS:-}") make -s "$@" >/dev/null
}

installed() { PKG_CONFIG_PATH=$work/usr/lib/pkgconfig pkg-config --cflags --libs "$1"; }

# What pkg-config says is enough, also where the system's linker does not look.
install_and_use() {
    quiet_make install PREFIX="$work/usr" && readme $(installed ag)
}

static() {
    readme $(installed ag-static) && ! ldd "$work/program" | grep -q libag
}

# For a package: what lies under DESTDIR speaks of PREFIX alone.
staged() {
    quiet_make install DESTDIR="$work/root" PREFIX=/usr && ! grep -rqF "$work" "$work"/root/usr/lib/pkgconfig
}

uninstall() {
    quiet_make uninstall PREFIX="$work/usr" && ! find "$work/usr" ! -type d | grep .
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
check "the archive" static
check "installation for a package" staged
check "uninstallation" uninstall
