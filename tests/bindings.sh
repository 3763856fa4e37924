#!/bin/bash
# The examples in other languages run and print what they should; their structs have the sizes of the C ones.
set -u
build=$(cd "${BUILD:-build}" && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# expect NAME COMMAND... - its output is what stands in $work/expected
expect() {
    local name=$1
    shift
    if "$@" >"$work/output" 2>&1 && diff "$work/expected" "$work/output"; then echo "ok $name"; else echo "not ok $name"; cat "$work/output"; fi
}

if [[ ${SAN:-} ]]; then
    echo "skip bindings: other languages' programs do not start with a sanitized library"
    exit
fi

cat >"$work/expected" <<'END'
d = 28, dd/da = 11, dd/db = 4
slope 2.000000, offset -1.000000
error: ag_add: [2,3] f64 and [4] f64 do not broadcast: extent 3 meets 4, counted from the last dimension
END
export AG_LIBRARY=$build/libag.so PYTHONPATH=examples/bindings PYTHONDONTWRITEBYTECODE=1
if command -v python3 >/dev/null; then
    expect "Python by ctypes" python3 examples/bindings/graph.py
else
    echo "skip Python by ctypes: there is no python3"
fi

# A struct that has grown since would be passed by value with too few bytes.
cat >"$work/sizes.c" <<'END'
#include "ag/ag.h"
int main(void)
{
    printf("%zu %zu %zu\n", sizeof(ag_tensor), sizeof(ag_shape), sizeof(ag_options));
}
END
if ! command -v python3 >/dev/null; then
    echo "skip Python's structs: there is no python3"
elif ${CC:-gcc} -I. "$work/sizes.c" -o "$work/sizes" && "$work/sizes" >"$work/expected"; then
    printf '%s\n' 'from ag import *' 'print(*map(ctypes.sizeof, (Tensor, Shape, Options)))' >"$work/sizes.py"
    expect "Python's structs" python3 "$work/sizes.py"
else
    echo "not ok Python's structs: the sizes of the C ones were not found"
fi

printf '%s\n' 'd = 28, dd/da = 11, dd/db = 4' 'd(x x)/dx = 2.0 4.0 6.0' >"$work/expected"
if command -v gfortran >/dev/null; then
    if gfortran -Wall -Werror -J"$work" examples/bindings/graph.f90 "$build/libag.so" -Wl,-rpath,"$build" -o "$work/graph"; then
        expect "Fortran by iso_c_binding" "$work/graph"
    else
        echo "not ok Fortran by iso_c_binding"
    fi
else
    echo "skip Fortran by iso_c_binding: there is no gfortran"
fi
