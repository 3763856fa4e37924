# What shell tests share: a folder that goes when they end, and one line for each check.
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >"$work/log" 2>&1; then echo "ok $name"; else echo "not ok $name"; cat "$work/log"; fi
}

family() { # of a compiler, by its name
    if [[ $1 = *clang* ]]; then echo clang; else echo gcc; fi
}
