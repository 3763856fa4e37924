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

installed() { PKG_CONFIG_PATH=$work/usr/lib/pkgconfig pkg-config "${@:2}" --cflags --libs "$1"; }

# What pkg-config says is enough, also where the system's linker does not look.
install_and_use() {
    quiet_make install PREFIX="$work/usr" && readme $(installed ag)
}

# For linkers that are told -static, pkg-config --static names what the library itself needs; others link as before.
with_what_it_needs() {
    installed ag --static | grep -q -- '-lag .*-lsleef' && readme $(installed ag --static)
}

static() {
    readme $(installed ag-static) && ! ldd "$work/program" | grep -q libag
}

# Nothing is missing among the headers, and nothing lies there that is not public.
headers() {
    (cd "$work/usr/include/ag" && find . -type f | cut -c 3- | sort) >"$work/there"
    ls ag/*.h ag/*.hpp nn/*.h optim/*.h | grep -v internal | sort | diff - "$work/there"
}

cpp() {
    printf '%s\n' '#include "ag/ag.hpp"' '#include "nn/nn.h"' '#include "optim/optim.h"' \
        'int main() { ag::tape t; return t.variable(2).item() != 2; }' >"$work/program.cc"
    "$cxx" -std=c++17 $strict $sanitizer "$work/program.cc" -o "$work/program" $(installed ag) && "$work/program"
}

# For a package: what lies under DESTDIR speaks of PREFIX alone.
staged() {
    quiet_make install DESTDIR="$work/root" PREFIX=/usr && ! grep -rqF "$work" "$work"/root/usr/lib/pkgconfig &&
        [[ $(ls "$work/root" "$work/root/usr" | xargs) = "$work/root: usr $work/root/usr: include lib" ]] &&
        quiet_make uninstall DESTDIR="$work/root" PREFIX=/usr && ! find "$work/root" ! -type d | grep .
}

# Libraries may lie elsewhere, such as in Debian's folder for the machine.
elsewhere() {
    quiet_make install PREFIX="$work/usr" LIBDIR="$work/usr/lib/machine" &&
        readme $(PKG_CONFIG_PATH=$work/usr/lib/machine/pkgconfig pkg-config --cflags --libs ag) &&
        quiet_make uninstall PREFIX="$work/usr" LIBDIR="$work/usr/lib/machine"
}

uninstall() {
    quiet_make uninstall PREFIX="$work/usr" && ! find "$work/usr" ! -type d | grep . &&
        ! find "$work/usr" -name ag -o -name pkgconfig | grep .
}

for header in ag/ag.h nn/nn.h nn/plot.h optim/optim.h; do
    [[ -e $header ]] || continue
    echo "#include \"$header\"" >"$work/header.c"
    compiles "$header in C" $cc -std=c11 $strict -I. -fsyntax-only "$work/header.c"
    if command -v "$cxx" >/dev/null; then
        cp "$work/header.c" "$work/header.cc"
        compiles "$header in C++" "$cxx" -std=c++17 $strict -I. -fsyntax-only "$work/header.cc"
    else
        echo "skip $header in C++: there is no $cxx"
    fi
done
check "symbols" symbols
check "README" readme -I. "$build/libag.so" -Wl,-rpath,"$(cd "$build" && pwd)"
check "installation" install_and_use
check "installed headers" headers
if ! command -v "$cxx" >/dev/null; then
    echo "skip installation, in C++: there is no $cxx"
elif [[ $sanitizer && $(family "$cxx") != $(family "$cc") ]]; then
    echo "skip installation, in C++: the library has another compiler's sanitizers"
else
    check "installation, in C++" cpp
fi
check "the archive" static
check "pkg-config --static" with_what_it_needs
check "installation with libraries elsewhere" elsewhere
check "installation for a package" staged
check "uninstallation" uninstall
