# What shell tests share: a folder that goes when they end, and one line for each check.
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >"$work/log" 2>&1; then echo "ok $name"; else echo "not ok $name"; cat "$work/log"; fi
}

# The same for what is only compiled, to which it makes no difference how the library was built.
compiles() {
    if [[ ! ${SAN:-} ]]; then
        check "$@"
    elif [[ ! ${told:-} ]]; then
        told=1
        echo "skip what is only compiled: it is the same with sanitizers"
    fi
}

family() { # of a compiler, by its name
    if [[ $1 = *clang* ]]; then echo clang; else echo gcc; fi
}

# make's own flags, without its slots for parallel work, which this script is not part of
quiet_make() {
    MAKEFLAGS=$(sed -E 's/ -j[0-9]*//; s/ --jobserver-[^ ]*//' <<<"${MAKEFLAGS:-}") make -s "$@" >/dev/null
}

# make with the settings that are the default, whatever those of the tests are: in a build directory of its own, one at a
# time.
default_make() {
    flock Makefile env -u BUILD -u SAN -u CC -u CXX -u MAKEFLAGS -u MAKELEVEL make -s "$@"
}
