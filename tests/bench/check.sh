#!/bin/bash
# tests/bench/check.sh BUILD [renew] - instructions of a step of each workload (counts.c), by callgrind, beside those in
# counts.txt: names what takes over 5 % more, or over 5 % less, which then is to be written down. BUILD is one of
# ARCH=x86-64-v3: under Valgrind every machine is the same one with AVX2, so that kernels which are chosen or made at run
# time are the same. Compilers are not: the counts are of the one that counts.txt names, others are not compared.
set -u
build=$1
here=$(dirname "$0")
known=$here/counts.txt
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
compiler=$(${CC:-gcc} --version | head -n 1 | sed -E 's/^([a-z]+).* ([0-9]+)\.[0-9.]+.*/\1 \2/')

if ! command -v valgrind >/dev/null; then
    echo "there is no valgrind here"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
if [[ ${2:-} != renew && $(head -n 1 "$known") != "# $compiler" ]]; then
    echo "the counts are of $(head -n 1 "$known" | cut -c 3-), this is $compiler"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi

OMP_NUM_THREADS=1 valgrind -q --tool=callgrind --callgrind-out-file="$work/out" "$build/bench/counts" >"$work/losses" 2>"$work/said" ||
    { cat "$work/said"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
callgrind_annotate --inclusive=yes --threshold=100 "$work/out" |
    awk -v steps="$(awk '/^steps/ { print $2 }' "$work/losses")" '
        match($0, /counted_[A-Za-z0-9_]+/) {
            name = substr($0, RSTART + 8, RLENGTH - 8); count = $1; gsub(",", "", count)
            if (!(name in seen)) { seen[name]; printf "%s %.0f\n", name, count / steps }
        }' | sort >"$work/now"

if [[ ${2:-} = renew ]]; then
    { echo "# $compiler"; cat "$work/now"; } >"$known"
    cat "$known"
    exit 0
fi
awk '
    /^#/ { next }
    FNR == NR { known[$1] = $2; names[++count] = $1; next }
    { now[$1] = $2; if (!($1 in known)) { known[$1] = 0; names[++count] = $1 } }
    END {
        printf "%-16s %12s %12s\n", "instructions", "now", "known"
        for (i = 1; i <= count; i++) {
            n = names[i]
            ratio = known[n] && n in now ? now[n] / known[n] : 0
            verdict = !(n in now) ? "is not counted any more" : !known[n] ? "is new" : ratio > 1.05 ? "takes more" : ratio < 0.95 ? "takes less" : ""
            printf "%-16s %12d %12d %+7.2f %% %s\n", n, now[n], known[n], ratio ? 100 * (ratio - 1) : 0, verdict
            if (verdict == "") passed++; else failed++
        }
        if (failed) print "\nIf that is meant: make bench-check RENEW=1 writes tests/bench/counts.txt anew."
        printf "%d passed, %d failed, 0 skipped\n", passed, failed
        exit failed > 0
    }' "$known" "$work/now"
