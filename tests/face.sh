#!/bin/bash
# The programs of tests/face/, built as a user builds them, do what they say.
set -u
build=$(cd "${BUILD:-build}" && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# expect NAME STATUS CONDITION - runs a program; CONDITION is awk, true at the end of good output.
expect() {
    local status
    if [[ ! -e $build/face/$1 ]]; then
        echo "not ok $1: not built"
        return
    fi
    "$build/face/$1" >output 2>&1
    status=$?
    if ((status != $2)); then
        echo "not ok $1: status $status"
        cat output
    elif awk "{ gsub(/[(),]/, \" \"); line[NR] = \$0 } END { exit !($3) }" output; then
        echo "ok $1"
    else
        echo "not ok $1"
        cat output
    fi
}

expect graph 0 'line[1] == "c = 7  d = 28" && line[2] ~ /dc\/da = 1  dc\/db = 1  dd\/da = 7  dd\/dc = 4/ &&
    line[3] ~ /dd\/dd = 1  dd\/dc = 4  dd\/db = 4  dd\/da = 11/'
expect user_op 0 'line[NR] == "y = 1  dy/dx = 0.6"'
expect mistake 4 'NR == 1 && line[1] ~ /^step 0: .*matmul.*100.*10/'
expect newton 0 'split(line[NR], f) == 2 && f[2] < 1e-12'
expect rnn 0 'NR == 0'
expect circle 0 'split(line[NR], f) == 5 && (f[2] - 0.5) ^ 2 < 0.02 && (f[3] + 0.25) ^ 2 < 0.02 && (f[5] - 1.2) ^ 2 < 0.02'
if [[ -e /usr/share/datasets/fashion-mnist ]]; then
    expect mlp 0 'NR == 5 && split(line[NR], f) == 4 && f[4] > 0.86'
else
    echo "skip mlp: no Fashion-MNIST (package dataset-fashion-mnist)"
fi
