#!/bin/bash
# The public headers in C++: they compile alone and together, and a program that uses their macros links and runs.
set -u
build=$(cd "${BUILD:-build}" && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
strict="-std=c++17 -Wall -Wextra -Wpedantic -Werror"

check() {
    local name=$1
    shift
    if "$@" >"$work/log" 2>&1; then echo "ok $name"; else echo "not ok $name"; cat "$work/log"; fi
}

family() {
    if [[ $1 = *clang* ]]; then echo clang; else echo gcc; fi
}

cat >"$work/program.cc" <<'END'
#include "ag/ag.h"
#include "nn/nn.h"
#include "optim/optim.h"
#include <cmath>
#include <cstdio>

static int failures = 0;

static void expect(const char *what, double got, double wanted)
{
    if (!(std::fabs(got - wanted) < 1e-12)) {
        std::printf("%s: %.17g, not %.17g\n", what, got, wanted);
        failures++;
    }
}

int main()
{
    ag_options options = {};
    options.keep_grads = true;
    ag_tape *t = ag_tape_new(options);

    // the macros, each as an argument and kept in a variable
    const ag_shape shape = AG_SHAPE(2, 3);
    const ag_axes axes = AG_AXES(-1);
    ag_tensor x = ag_param(AG_VALUES(t, shape, 1, 2, 3, 4, 5, 6), "x");
    ag_tensor y = ag_sum_over(ag_square(x), axes, 0), z = ag_sum(y), g[2];
    expect("rank", ag_shape_of(y).rank, 1);
    expect("first sum", ag_item_at(y, 0), 14);
    expect("second sum", ag_item_at(y, 1), 77);
    ag_gradients(z, AG_LIST(x, y), 0, g);
    expect("dz/dx", ag_item_at(g[0], 5), 12);
    expect("dz/dy", ag_item_at(g[1], 1), 1);
    ag_backward(z);
    expect("stored gradient", ag_item_at(ag_grad(x), 2), 6);
    ag_tensor joined = ag_concat(AG_LIST(y, AG_VALUES(t, AG_SHAPE(1), -1)), 0);
    expect("joined", ag_item_at(joined, 2), -1);
    expect("all axes", ag_item(ag_sum_over(ag_full(t, AG_FLOAT, AG_SHAPE(2, 2), 3), AG_ALL, 0)), 12);
    expect("a number", ag_item(ag_full(t, AG_F32, AG_SCALAR, 3)), 3);

    // too many dimensions are an error here too, not a truncation
    ag_error_push(t);
    expect("nine dimensions", ag_ok(ag_zeros(t, AG_FLOAT, AG_SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 1))), 0);
    expect("their error", ag_error_pop(t) == AG_OK, 0);

    nn_module *net = NN_SEQUENTIAL(t, nn_linear(t, 3, 4, {}), nn_activation(t, NN_TANH), nn_linear(t, 4, 1, {}));
    optim_sgd_config config = {};
    config.lr = 0.1;
    optim *sgd = optim_sgd(nn_params(net), config);
    double first = 0, last = 0;
    for (int step = 0; step < 50; step++) {
        ag_tensor loss = ag_mse(nn_forward(net, x), AG_VALUES(t, AG_SHAPE(2, 1), 0.5, -0.5));
        last = ag_item(loss);
        if (step == 0)
            first = last;
        optim_zero_grad(sgd);
        ag_backward(loss);
        optim_step(sgd);
        ag_tape_reset(t);
    }
    expect("training", last < 0.5 * first, 1);
    expect("status", ag_error(t), AG_OK);
    if (ag_error(t))
        std::printf("%s\n", ag_error_text(t));
    ag_tape_free(t);
    return failures;
}
END

for cxx in g++ clang++; do
    if ! command -v $cxx >/dev/null; then
        echo "skip $cxx: it is not there"
        continue
    fi
    for header in ag/ag.h nn/nn.h optim/optim.h; do
        printf '#include "%s"\n#include "%s"\n' $header $header >"$work/header.cc"
        check "$cxx $header" $cxx $strict -I. -fsyntax-only "$work/header.cc"
    done
    # a library with sanitizers runs with those of the compiler that built it
    if [[ ${SAN:-} && $(family "$cxx") != $(family "${CC:-gcc}") ]]; then
        echo "skip $cxx program: the library has another compiler's sanitizers"
        continue
    fi
    check "$cxx builds a program" $cxx $strict ${SAN:+-fsanitize=$SAN} -I. "$work/program.cc" "$build/libag.so" -Wl,-rpath,"$build" -o "$work/$cxx"
    check "$cxx program" "$work/$cxx"
done
