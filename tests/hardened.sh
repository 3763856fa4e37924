#!/bin/bash
# The library and its programs are linked so that little can be turned against their users: what the ELF headers say.
set -u
build=${BUILD:-build}
if ! command -v readelf >/dev/null; then
    echo "skip headers: readelf is not there"
    exit 0
fi

# expect NAME CONDITION... - a command whose success is expected.
expect() {
    local name=$1
    shift
    if "$@"; then echo "ok $name"; else echo "not ok $name"; fi
}
has() { grep -qE -- "$2" <<<"$1"; }
lacks() { ! has "$@"; }

check() { # FILE NAME
    local segments dynamic
    segments=$(readelf -lW "$1") dynamic=$(readelf -dW "$1")
    expect "$2: relocations are read-only once it is loaded" has "$segments" '^ *GNU_RELRO'
    expect "$2: they are all made then" has "$dynamic" 'BIND_NOW|FLAGS_1.* NOW'
    expect "$2: its code is never written to" lacks "$dynamic" TEXTREL
    expect "$2: stacks hold no code" has "$segments" '^ *GNU_STACK.* RW +0x'
    expect "$2: no segment is writable and executable" lacks "$segments" '^ *LOAD.* RWE '
}

check "$build/libag.so" libag.so
expect "libag.so: stays where threads and generated code may be" has "$(readelf -dW "$build/libag.so")" 'NODELETE'
program=$build/tests/test_tape
if [[ -e $program ]]; then
    check "$program" program
    expect "program: lies anywhere" has "$(readelf -hW "$program")" 'Type: +DYN'
fi
if [[ ${SAN:-} || $build = *debug* ]]; then
    echo "skip guards: this build is for finding errors"
else
    symbols=$(readelf --dyn-syms -W "$build/libag.so")
    expect "libag.so: stacks are guarded" has "$symbols" '__stack_chk_fail'
    expect "libag.so: calls that are given too little room stop" has "$symbols" '__(memcpy|snprintf|vsnprintf)_chk'
fi
