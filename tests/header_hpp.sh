#!/bin/bash
# The header for C++, ag.hpp: it compiles without a warning, and programs that use it run.
set -u
build=$(cd "${BUILD:-build}" && pwd) || exit 1
. tests/check.bash
strict="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"

for cxx in g++ clang++; do
    if ! command -v $cxx >/dev/null; then
        echo "skip $cxx: it is not there"
        continue
    fi
    for standard in c++11 c++20; do
        for source in tests/cpp/*.cpp; do
            compiles "$cxx $standard ${source##*/}" $cxx -std=$standard $strict -I. -fsyntax-only "$source"
        done
    done
    if [[ ${SAN:-} && $(family "$cxx") != $(family "${CC:-gcc}") ]]; then
        echo "skip $cxx programs: the library has another compiler's sanitizers"
        continue
    fi
    for source in tests/cpp/*.cpp; do
        program=$work/$cxx.$(basename "$source" .cpp)
        check "$cxx builds ${source##*/}" $cxx -std=c++17 -g ${SAN:+-fsanitize=$SAN} -I. "$source" "$build/libag.so" -Wl,-rpath,"$build" -o "$program"
        check "$cxx runs ${source##*/}" "$program"
    done
    if [[ $("$work/$cxx.face") = "28 11 4" ]]; then echo "ok $cxx face prints"; else echo "not ok $cxx face prints"; fi
done
