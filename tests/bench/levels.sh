#!/bin/bash
# tests/bench/levels.sh NATIVE LEVEL... - builds' whole steps beside those of the first, which is for this processor alone:
# LEVEL is the build directory of a level of `make ARCH=any`. Best of five rounds in turn.
set -uo pipefail
native=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
for round in 1 2 3 4 5; do
    for build in "$@"; do
        { "$build/bench/goals" --peers --rounds 40 T1 T2 T3 T4 && "$build/bench/goals" --peers --rounds 4 T5 T6; } |
            sed "s|^|$build |" >>"$work/times" || exit 1
    done
done
awk -v native="$native" '
    !(($1, $2) in best) || $3 < best[$1, $2] { best[$1, $2] = $3 }
    !($2 in seen) { seen[$2]; order[++n] = $2 }
    !($1 in known) { known[$1]; if ($1 != native) level[++levels] = $1 }
    END {
        printf "%-12s %14s", "", "native, us"
        for (l = 1; l <= levels; l++) { name = level[l]; sub(".*/", "", name); printf " %12s", name }
        print "    goal"
        for (i = 1; i <= n; i++) {
            printf "%-12s %14.2f", order[i], 1e6 * best[native, order[i]]
            for (l = 1; l <= levels; l++) printf " %12.3f", best[level[l], order[i]] / best[native, order[i]]
            print "    1.03"
        }
    }' "$work/times"
