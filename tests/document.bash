# docs/$document.md keeps its word: its programs, built as it says against an installed library, print what it shows. What
# sources it says in $document, and in $least how many blocks there are at least.
#
# What its blocks are stands behind the three backquotes: "c FILE", "cpp FILE", "python FILE" a file; "sh" commands, "sh
# TOOL" such that need one; "c mistake" lines for mistake.c, which is then built and run by the commands of "sh mistake";
# "text" what the block before it prints. "c ag/..." is a file of an op of the library, which has to pass all checks.
set -u
build=$(cd "${BUILD:-build}" && pwd) || exit 1
. tests/check.bash
cc=${CC:-gcc} cxx=${CXX:-g++} sanitizer=${SAN:+-fsanitize=$SAN}
export cc cxx sanitizer AG=$PWD OMP_WAIT_POLICY=passive PYTHONDONTWRITEBYTECODE=1
strict="-std=c11 -Wall -Wextra -Wpedantic -Werror"
mkdir "$work/block" "$work/run"

# The reader's commands, with the compiler and the sanitizers of the library that is tested.
gcc() { command $cc $sanitizer "$@"; }
g++() { command $cxx $sanitizer "$@"; }
export -f gcc g++

# Each block in a file of its own: 01, 02 ..., with the words behind its backquotes in 01.is.
awk -v to="$work/block" '
    /^```/ && !open { open = 1; name = sprintf("%s/%03d", to, ++n); print substr($0, 4) >(name ".is"); printf "" >name; next }
    /^```/ { open = 0; close(name); next }
    open { print >name }' "docs/$document.md"

why_not() { # TOOL - what stands in the way of commands that need it; nothing: they can be run
    case $1 in
    gdb | valgrind) command -v "$1" >/dev/null || { echo "there is no $1"; return; } ;;
    python) command -v python3 >/dev/null || { echo "there is no python3"; return; } ;;
    c++) command -v "$cxx" >/dev/null || { echo "there is no $cxx"; return; } ;;
    esac
    case $1 in
    gdb | valgrind | python) [[ ! $sanitizer ]] || { echo "it does not go with a sanitized library"; return; } ;;
    c++) [[ ! $sanitizer || $(family "$cxx") = $(family "$cc") ]] || echo "the library has another compiler's sanitizers" ;;
    esac
    case $1 in
    valgrind)
        if [[ $(uname -m) != x86_64 ]]; then
            echo "its library is built for x86"
        elif [[ $(family "$cc") != gcc ]]; then
            echo "it does not read all of clang's debug information"
        elif ! default_make ARCH=x86-64-v3 library >"$work/log" 2>&1; then
            echo "its library was not built: $(tail -n 1 "$work/log")"
        fi
        ;;
    sanitizers) [[ ${SAN:-} = address,undefined && $cc = gcc ]] || echo "the library is not built with them" ;;
    esac
}

printed() { # COMMANDS EXPECTED - their output is that, but for blanks at the ends of lines
    (cd "$work/run" && bash "$1" 2>&1) | sed 's/ *$//' >"$work/output"
    diff "$2" "$work/output"
}

commands() { # BLOCK TOOL EXPECTED
    local name reason
    name=$(grep -oE '(^|\./|python3 )[a-z.-]+' "$1" | tail -n 1)
    reason=$(why_not "$2")
    if [[ $reason ]]; then echo "skip $document ${2:-$name}: $reason"; else check "$document: $name" printed "$1" "$3"; fi
    ran=$((ran + 1))
}

mistake() { # BLOCK EXPECTED
    sed -e "/the mistake \*\//{
        r $1
        d
    }" "$work/mistake.c" >"$work/run/mistake.c"
    check "$document, a mistake: $(head -n 1 "$1" | sed 's/^ *//')" printed "$work/build_mistake" "$2"
    ran=$((ran + 1))
}

# The op as the last of all, with the headers and the registry that come of it, beside the library's other objects.
in_library() { # BLOCK PLACE
    local file=$work/$2 made=$work/generated name=${2##*/}
    local build_line definitions
    mkdir -p "${file%/*}" "$made/ag" && cp "$1" "$file" || return 1
    definitions="$(LC_ALL=C ls ag/ops/*/*.c) $file" # in the order of the library's
    sh ag/ops/generate header $definitions >"$made/ag/ops.h" && sh ag/ops/generate registry $definitions >"$made/registry.h" || return 1
    cat >"$work/last.c" <<'END'
#include "ag/ag.h"
int main(void)
{
    size_t count;
    const ag_op *const *ops = ag_ops(&count);
    return ag_check_op(ops[count - 1], stdout) != AG_PASS;
}
END
    build_line="$(<"$build/settings") -D_GNU_SOURCE -I$made -I. -I$build"
    $build_line "$work/last.c" "$file" ag/ops/registry.c -o "$work/last" $(pkg-config --static --libs ag-static) || return 1
    "$work/last" >"$work/said"
    [[ $(head -n 1 "$work/said") = "${name%.c}: PASS,"* ]] || { cat "$work/said"; return 1; }
}

blocks() {
    local block kind word next ran=0
    : >"$work/nothing"
    for block in "$work"/block/???; do
        read -r kind word <"$block.is"
        next=$work/block/$(printf %03d $((10#${block##*/} + 1)))
        if [[ -e $next.is && $(<"$next.is") = text ]]; then : >"$next.shown"; else next=$work/nothing; fi
        case $kind-$word in
        c-mistake) mistake "$block" "$next" ;;
        c-mistake.c) cp "$block" "$work/mistake.c" ;;
        c-ag/*)
            check "$document: $word" in_library "$block" "$word"
            ran=$((ran + 1))
            ;;
        c-* | cpp-* | python-*) cp "$block" "$work/run/$word" ;;
        sh-mistake) cp "$block" "$work/build_mistake" ;;
        sh-*) commands "$block" "$word" "$next" ;;
        text-) [[ -e $block.shown ]] || echo "not ok $document: a text that nothing prints: $(head -n 1 "$block")" ;;
        *) echo "not ok $document: a block of an unknown kind: $kind $word" ;;
        esac
    done
    if ((ran >= least)); then echo "ok $document: $ran blocks were tried"; else echo "not ok $document: only $ran blocks"; fi
}

no_warnings() {
    local source
    for source in "$work"/run/*.c; do
        command $cc $strict -fsyntax-only "$source" $(pkg-config --cflags ag) || return 1
    done
    [[ ! $(why_not c++) ]] || return 0
    for source in "$work"/run/*.cpp; do
        [[ -e $source ]] || continue
        command $cxx -std=c++11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only "$source" $(pkg-config --cflags ag) || return 1
    done
}

# Names that it speaks of are in the headers, or of a file there.
names() {
    cat ag/*.h ag/ag.hpp nn/*.h optim/optim.h examples/bindings/ag.py >"$work/headers"
    [[ ! -e $work/ag ]] || cat ag/*/*.h ag/ops/*/*.h "$work"/ag/ops/*/*.c >>"$work/headers"
    for name in $(grep -oE '\b(ag|nn|optim|AG|NN)_[A-Za-z0-9_]+' "docs/$document.md" | sort -u); do
        grep -qw -- "$name" "$work/headers" || echo "there is no $name"
    done | grep . && return 1
    return 0
}

links() {
    local place
    for place in $(grep -ohE '\]\([^)#]+' "docs/$document.md" docs/README.md | sed 's/](//' | sort -u); do
        [[ -e docs/$place || $place = *ops.h ]] || echo "there is no docs/$place"
    done | grep . && return 1
    return 0
}

check "$document: an installation" quiet_make install PREFIX="$work/usr"
export PKG_CONFIG_PATH=$work/usr/lib/pkgconfig AG_LIBRARY=$work/usr/lib/libag.so
blocks
check "$document: no warnings" no_warnings
check "$document: names" names
check "$document: links" links
