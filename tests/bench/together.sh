#!/bin/bash
# tests/bench/together.sh BUILD - two training programs at once beside one alone, with default options, best of three
# rounds in turn: what two take is below twice one's time where one alone does not keep every core busy, and far above
# where threads wait for each other.
set -u
build=$1
seconds() { # COMMAND... - of the clock
    local TIMEFORMAT=%R
    { time "$@" >/dev/null 2>&1; } 2>&1
}
one() { "$build/bench/goals" --peers --threads 0 --rounds "${rounds[$1]}" "$1"; }
two() {
    one "$1" &
    one "$1"
    wait
}
best() { sort -g | head -n 1; }

declare -A rounds=([T3_adam]=50 [T5]=24 [T6]=1)
printf '%-10s %12s %12s %8s   %s\n' '' 'one, s' 'two, s' 'ratio' 'goal'
for workload in T3_adam T5 T6; do
    alone=() both=()
    for round in 1 2 3; do
        alone+=("$(seconds one $workload)")
        both+=("$(seconds two $workload)")
    done
    a=$(printf '%s\n' "${alone[@]}" | best) b=$(printf '%s\n' "${both[@]}" | best)
    awk -v w=$workload -v a="$a" -v b="$b" 'BEGIN { printf "%-10s %12.2f %12.2f %8.2f   2.3\n", w, a, b, b / a }'
done
