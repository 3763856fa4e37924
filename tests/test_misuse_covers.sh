#!/bin/bash
# Every public function is misused by a test: its name, followed by a parenthesis or as a row of the table of ops, stands in
# tests/test_misuse*.c or, if it is for ops of one's own, in tests/test_user_ops*.c. The ops are misused by the table that
# is generated from ag/ops.h.
set -u
cd "$(dirname "$0")/.." || exit 1
tests=$(cat tests/test_misuse*.c tests/test_user_ops*.c)
for header in $(grep -l "^AG_API" ag/*.h nn/*.h optim/*.h | grep -v ag/ops.h); do
    missing=''
    count=0
    for name in $(grep -hoE '^AG_API [^;(]*\(' "$header" | sed -E 's/.*[ *]([a-z_0-9]+)\($/\1/' | sort -u); do
        count=$((count + 1))
        grep -qE "\b$name\(|\b(X|OTHER)\(${name#ag_}\b" <<<"$tests" || missing="$missing $name"
    done
    if ((count == 0)); then
        echo "not ok $header: no function found"
    elif [[ $missing ]]; then
        echo "not ok $header: no test misuses$missing"
    else
        echo "ok $header: $count functions"
    fi
done
