#!/bin/bash
# make ARCH=any: a library for any processor of a kind, of which the loader takes what is made for the one that is there.
# The same program runs on each that it could take, and what comes out is the same but for rounding; so do tests, PyTorch's
# numbers among them. (-O0: it is built in less than half of the time.)
set -u
if [[ ${SAN:-} ]]; then
    echo "skip levels: it is the same whatever library is tested"
    exit
fi
. tests/check.bash
loader=$(ls /lib*/ld-linux-x86-64.so.2 2>/dev/null | head -n 1)
if [[ $(uname -m) != x86_64 || ! $loader ]]; then
    echo "skip levels: they are for x86-64 with glibc"
    exit
fi
if ! "$loader" --help 2>/dev/null | grep -q 'x86-64-v3 (supported'; then
    echo "skip levels: this processor or loader knows no other"
    exit
fi
best=$("$loader" --help | sed -nE 's/^ *(x86-64-v[34]) \(supported.*/\1/p' | head -n 1)
build=build-any

# A program that prints where its library lies, and a network's numbers after training.
cat >"$work/program.c" <<'C'
#include "ag/ag.h"
#include "nn/nn.h"
#include "optim/optim.h"
#include <string.h>

static void print_library(void)
{
    char line[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        if (strstr(line, "libag.so")) {
            printf("%s", strchr(line, '/'));
            break;
        }
    fclose(maps);
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .dtype = AG_F32, .seed = 3 });
    ag_tensor x = ag_buffer(ag_randn(t, AG_F32, AG_SHAPE(300, 40), 0, 1), "x");
    ag_tensor w = ag_param(ag_randn(t, AG_F32, AG_SHAPE(40, 70), 0, 0.2), "w"), v = ag_param(ag_randn(t, AG_F32, AG_SHAPE(70, 5), 0, 0.2), "v");
    optim *o = optim_adam(AG_LIST(w, v), (optim_adam_config){ .lr = 0.01 });
    print_library();
    for (int i = 0; i < 50; i++) {
        ag_tensor y = ag_softmax(ag_matmul(ag_gelu(ag_layer_norm(ag_matmul(x, w), (ag_tensor){ 0 }, (ag_tensor){ 0 }, (ag_layer_norm_options){ 0 })), v), -1);
        ag_tensor loss = ag_add(ag_mean(ag_square(ag_add_scalar(y, -0.2))), ag_mul_scalar(ag_mean(ag_tanh(w)), 0.1));
        if (i % 10 == 9)
            printf("%.9g\n", ag_item(loss));
        ag_backward(loss);
        optim_step(o);
        optim_zero_grad(o);
        ag_tape_reset(t);
    }
    ag_status s = ag_error(t);
    ag_tape_free(t);
    return s != AG_OK;
}
C

build_all() { default_make ARCH=any CFLAGS='-O0 -U_FORTIFY_SOURCE' library; }
link() { gcc -std=c11 -O1 -I. "$work/program.c" -o "$work/program" $build/libag.so -Wl,-rpath,"$PWD/$build" -lm; }
there() { # PATTERN FILE - the library that ran
    head -n 1 "$2" | grep -qE "$1"
}
best_runs() { "$work/program" >"$work/best" && there "glibc-hwcaps/$best/" "$work/best"; }

# of_level LEVEL: with those above it out of reach
of_level() {
    local mask=x86-64-v2 place="$build/libag"
    [[ $1 = x86-64-v2 ]] || place="glibc-hwcaps/$1/" mask=$1
    "$loader" --glibc-hwcaps-mask "$mask" "$work/program" >"$work/$1" && there "$place" "$work/$1"
}
# Programs that test by the public functions alone, with this library, and one of them under a level.
programs="programs pytorch nn_pytorch convolution reductions sorting indexing in_step linear_algebra losses attention"
link_tests() {
    local t
    for t in $programs; do
        gcc -std=c11 -D_GNU_SOURCE -O1 -I. -Itests -I$build "tests/test_$t.c" -o "$work/test_$t" $build/libag.so -Wl,-rpath,"$PWD/$build" -lcmocka -lm || return 1
    done
}
of_level_tested() { "$loader" --glibc-hwcaps-mask "$1" "$work/test_$2" >"$work/output" 2>&1 || { cat "$work/output"; return 1; }; }
agree() { # LEVEL - to what rounding leaves of 24 bits
    paste <(tail -n +2 "$work/best") <(tail -n +2 "$work/$1") |
        awk '{ d = $1 - $2; if (d * d > 1e-10 * $1 * $1) { print; bad = 1 } } END { exit bad || NR != 5 }'
}

check "make ARCH=any" build_all
check "a program is linked" link
check "the best of this processor's levels runs" best_runs
check "tests are linked" link_tests
for level in x86-64-v2 x86-64-v3 x86-64-v4; do
    if [[ $level > $best ]]; then
        echo "skip $level: this processor has none"
        continue
    fi
    check "$level runs when it is the best" of_level $level
    check "$level: the same numbers" agree $level
    for t in $programs; do
        check "$level: test_$t" of_level_tested $level $t
    done
done
