#!/bin/bash
# The fuzzer's first sequences, always the same ones; and every public function is among its calls.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}
count=300
[[ ${SAN:-} || ${TEST_WRAPPER:-} ]] && count=150

# The ops are played by the table that is generated from ag/ops.h.
for header in $(grep -l "^AG_API" ag/*.h nn/*.h optim/*.h | grep -v ag/ops.h); do
    missing=''
    for name in $(grep -hoE '^AG_API [^;(]*\(' "$header" | sed -E 's/.*[ *]([a-z_0-9]+)\($/\1/' | sort -u); do
        grep -qE "\b$name\b" tests/fuzz/*.c || missing="$missing $name"
    done
    if [[ $missing ]]; then echo "not ok $header: the fuzzer does not play$missing"; else echo "ok $header is played"; fi
done

if "$build/fuzz" -n "$count" -s 1; then echo "ok $count sequences"; else echo "not ok $count sequences"; fi
