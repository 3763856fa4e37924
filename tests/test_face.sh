#!/bin/bash
# The programs of tests/face/ compile as they are, without a warning, and do what they say.
set -u
build=$(cd "${BUILD:-build}" && pwd) || exit 1
root=$PWD
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

for cc in gcc clang; do
    if ! command -v $cc >/dev/null; then
        echo "skip $cc: it is not there"
        continue
    fi
    for source in "$root"/tests/face/*.c; do
        if $cc -std=c11 -Wall -Wextra -Wpedantic -Werror -I"$root" -fsyntax-only "$source"; then
            echo "ok $cc ${source##*/}"
        else
            echo "not ok $cc ${source##*/}"
        fi
    done
done

# expect NAME STATUS CONDITION - runs a program; CONDITION is awk, true at the end of good output, whose lines are in `line`,
# without brackets and commas in `plain`.
expect() {
    local status
    if [[ ! -x $build/face/$1 ]]; then
        echo "not ok $1: not built"
        return
    fi
    "$build/face/$1" >output 2>&1
    status=$?
    if ((status != $2)); then
        echo "not ok $1: status $status, not $2"
        cat output
    elif awk '{ line[NR] = $0; gsub(/[(),]/, " "); plain[NR] = $0 }
        function within(x, truth, by) { return x ~ /^-?[0-9.]+$/ && x - truth <= by && truth - x <= by }
        END { exit !('"$3"') }' output; then
        echo "ok $1"
    else
        echo "not ok $1: prints"
        cat output
    fi
}

expect graph 0 'NR == 3 && line[1] == "c = 7  d = 28" &&
    line[2] == "local:    dc/da = 1  dc/db = 1  dd/da = 7  dd/dc = 4" &&
    line[3] == "gradient: dd/dd = 1  dd/dc = 4  dd/db = 4  dd/da = 11"'
expect circle 0 'NR == 6 && split(plain[6], f, " ") == 5 && f[1] == "centre" && f[4] == "radius" &&
    within(f[2], 0.5, 0.0301) && within(f[3], -0.25, 0.0301) && within(f[5], 1.2, 0.0301)'
expect newton 0 'NR == 20 && split(line[1], f, " ") == 2 && within(f[2] / 24.2, 1, 1e-6) && split(line[NR], f, " ") == 2 && f[1] == 19 &&
    f[2] >= 0 && f[2] < 1e-20'
expect mistake 4 'NR == 1 && line[1] ~ /^step 0: .*matmul/ && index(line[1], "[64,100]") && index(line[1], "[10,100]") &&
    index(line[1], "w2")' # 4 is AG_ESHAPE
expect hook 0 'NR == 1 && line[1] == "seen 5, dx 1"'
expect implicit 0 'NR == 1 && line[1] == "y 1, dy -0.25, d2y 0.03125"'
expect finite 0 'NR == 4 && line[1] == "AG_EVALUE: ag_log: element 1 of [4] is nan, the operand \047p\047 there is -1" &&
    line[2] == "loss is refused" && line[3] ~ /^AG_EVALUE: ag_sqrt, .*\047q\047 is inf at element 1 / && line[4] == "backward: AG_EVALUE"'
expect where 0 'NR == 1 && index(line[1], "where.c:15: ag_matmul: [2,3]") == 1'
expect jacobian 0 'NR == 3 && line[1] == "J ok" && line[2] == "H ok" && line[3] == "jvp ok"'
expect checkpoint 0 'NR == 1 && line[1] ~ /^same [0-9.]+ MB, with checkpoints [0-9.]+ MB$/'
expect explain 0 'index(line[1], "Forward") == 1 && line[4] == "  c = add(a, b) = 7" && line[5] == "  d = mul(a, c) = 28" &&
    line[9] == "    c: 1 x 4 = 4, accumulated into dd/dc: 0 + 4 = 4" && line[11] == "    a: 4 x 1 = 4, accumulated into dd/da: 7 + 4 = 11" &&
    line[19] == "  1. d <- a: 7" && line[20] == "  2. d <- c <- a: 4 x 1 = 4" && line[NR] == "dd/da = 7 + 4 = 11"'
expect rnn 0 'NR == 0'
expect user_op 0 'line[1] ~ /smooth_abs: PASS/ && line[NR] == "y = 1  dy/dx = 0.6"'
if command -v gnuplot >/dev/null; then
    expect plot 0 'NR == 0'
    # Two panels, regions under points; sixteen images of two pixels.
    if grep -q '^set multiplot layout 1,2$' out/moons.png.gp && [[ $(grep -c ' with image ' out/moons.png.gp) = 1 ]] &&
        [[ $(head -c 4 out/moons.png | tail -c 3) = PNG && $(head -c 4 out/weights.png | tail -c 3) = PNG ]]; then
        echo "ok plot's pictures"
    else
        echo "not ok plot's pictures"
    fi
else
    echo "skip plot: there is no gnuplot"
fi
if [[ -e /usr/share/datasets/fashion-mnist ]]; then
    expect mlp 0 'NR == 5 && line[5] ~ /^epoch 5  accuracy / && split(line[5], f, " ") == 4 && f[4] >= 0.87 && f[4] < 1'
    # What it leaves is a safetensors file: eight bytes of length, then a header that names the layers.
    header=$(head -c 600 mlp.safetensors 2>/dev/null | tail -c +9 | tr -d '\0')
    for part in '"0.weight"' '"0.bias"' '"2.weight"' '"2.bias"' '128,784' '10,128'; do
        [[ $header == "{"*"$part"* ]] || { echo "not ok mlp's file lacks $part"; break; }
    done
    [[ $header == "{"*"$part"* ]] && echo "ok mlp's file"
else
    echo "skip mlp: no Fashion-MNIST (package dataset-fashion-mnist)"
fi
