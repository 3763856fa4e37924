#!/bin/bash
# The public headers in C++: they compile alone and together, and a program that uses their macros links and runs.
set -u
build=$(cd "${BUILD:-build}" && pwd) || exit 1
. tests/check.bash
strict="-Wall -Wextra -Wpedantic -Wconversion -Werror"

cat >"$work/program.cc" <<'END'
#include "ag/ag.h"
#include "nn/nn.h"
#include "optim/optim.h"
#include <cmath>
#include <cstdio>
#include <vector>

static int failures = 0;

template <typename A, typename B> static void expect(const char *what, A a, B b)
{
    const double got = static_cast<double>(a), wanted = static_cast<double>(b);
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

    // every argument is evaluated once, of whatever type it is
    int calls = 0;
    const auto next = [&calls] { return ++calls; };
    const std::vector<float> three(3, 1.5f);
    enum { COLUMNS = 2 };
    ag_tensor counted = AG_VALUES(t, AG_SHAPE(three.size(), COLUMNS), next(), next(), 2.5f, three[2], calls, 7u);
    expect("calls", calls, 2);
    const double numbers[] = { 1, 2, 2.5, 1.5, 2, 7 };
    for (int i = 0; i < 6; i++)
        expect("a number", ag_item_at(counted, i), numbers[i]);
    expect("extents", ag_size_of(ag_zeros(t, AG_U8, AG_SHAPE(next(), 1u, three.size()))), 9);
    expect("calls", calls, 3);
    expect("an axis", ag_size_of(ag_sum_over(counted, AG_AXES(three.size() - 3), 0)), 2);
    std::vector<double> many;
    for (int i = 0; i < 1000; i++) // on a stack that was used
        many.push_back(ag_item_at(AG_VALUES(t, AG_SHAPE(3), i, i + 0.5, -i), 1));
    expect("the last of many", many[999], 999.5);

    // too many dimensions are an error here too, not a truncation
    ag_error_push(t);
    expect("nine dimensions", ag_ok(ag_zeros(t, AG_FLOAT, AG_SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 1))), 0);
    expect("their error", ag_error_pop(t) == AG_OK, 0);
    ag_error_push(t);
    expect("nine axes", ag_ok(ag_sum_over(x, AG_AXES(0, 1, 2, 3, 4, 5, 6, 7, 8), 0)), 0);
    expect("their error", ag_error_pop(t), AG_ESHAPE);

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
    # a library with sanitizers runs with those of the compiler that built it; one without with any
    sanitizers=${SAN:-address,undefined}
    [[ ${SAN:-} && $(family "$cxx") != $(family "${CC:-gcc}") ]] && sanitizers=
    for standard in 11 17 20; do
        for header in ag/ag.h nn/nn.h nn/plot.h optim/optim.h; do
            printf '#include "%s"\n#include "%s"\n' $header $header >"$work/header.cc"
            compiles "$cxx $header in C++$standard" $cxx -std=c++$standard $strict -I. -fsyntax-only "$work/header.cc"
        done
        if [[ ! $sanitizers ]]; then
            echo "skip $cxx program in C++$standard: the library has another compiler's sanitizers"
            continue
        fi
        check "$cxx builds a program in C++$standard" $cxx -std=c++$standard -O$((standard > 11 ? 2 : 0)) $strict \
            -fsanitize=$sanitizers -fno-sanitize-recover=all -I. "$work/program.cc" "$build/libag.so" -Wl,-rpath,"$build" -o "$work/program"
        check "$cxx program in C++$standard" "$work/program"
    done
done
