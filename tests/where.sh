#!/bin/bash
# AG_TRACE_CALLS changes nothing but messages: programs compile with it as without, in C and C++, and do the same; the
# generated headers are those of the prototypes.
set -u
build=$(cd "${BUILD:-build}" && pwd) || exit 1
. tests/check.bash
strict="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"

nn_headers=$(ls nn/*.h | grep -vE 'internal|traced' | tr '\n' ' ')
for header in "AG_TRACED_H ag/traced.h $(ls ag/*.h | grep -vx ag/traced.h | tr '\n' ' ')" "NN_TRACED_H nn/traced.h $nn_headers" "OPTIM_TRACED_H optim/traced.h optim/optim.h"; do
    read -r guard made from <<<"$header"
    sh ag/ops/generate_traced "$guard" $from >"$work/traced.h"
    check "$made is what $from make" cmp "$work/traced.h" "$made"
done

# Every public function that has a tape to report to is traced, but for those that report nothing.
silent=" ag_tape_free ag_tape_mark ag_tape_dtype ag_tape_threads ag_tape_nodes ag_tape_memory ag_error ag_error_text ag_error_clear ag_status_name ag_quiet \
ag_list_none ag_list_tape ag_tape_deallocate ag_scope_begin ag_scope_end ag_no_grad_begin ag_ok ag_is_persistent ag_show ag_dtype_size ag_dtype_name \
ag_shape_size ag_check_op ag_verdict_name ag_ops ag_site_enter ag_site_leave ag_fail_at ag_tape_new_at ag_warn ag_tape_debug nn_train optim_lr optim_tape nn_plot_tape \
ag_tape_stats ag_tape_stats_restart ag_profile_free ag_profile_seconds ag_profile_steps ag_profile_tape ag_region_begin ag_region_end "
for name in $(grep -hoE '^AG_API [^;(]*\(' ag/*.h $nn_headers optim/optim.h | sed -E 's/.*[ *]([a-z_0-9]+)\($/\1/'); do
    [[ $silent = *" $name "* || $name = ag_call_* ]] || grep -q "^#define $name(" ag/traced.h nn/traced.h optim/traced.h || echo "$name"
done >"$work/untraced"
check "every function that can fail is traced" test ! -s "$work/untraced"
cat "$work/untraced"

for cc in gcc clang; do
    command -v $cc >/dev/null || { echo "skip $cc: it is not there"; continue; }
    for source in examples/*/*.c tests/face/*.c; do
        compiles "$cc $source" $cc -std=c11 ${strict/-Wconversion/} -DAG_TRACE_CALLS= -I. -fsyntax-only "$source"
    done
done
for cxx in g++ clang++; do
    command -v $cxx >/dev/null || { echo "skip $cxx: it is not there"; continue; }
    for standard in 11 20; do
        for source in tests/cpp/*.cpp; do
            compiles "$cxx C++$standard $source" $cxx -std=c++$standard $strict -DAG_TRACE_CALLS= -I. -fsyntax-only "$source"
        done
    done
done

# A file with the macro beside one without.
cat >"$work/with.cc" <<'END'
#define AG_TRACE_CALLS
#include "nn/nn.h"
#include "optim/optim.h"
ag_tensor without(ag_tensor x);
int main()
{
    ag_options options = {};
    ag_tape *t = ag_tape_new(options);
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    ::ag_matmul(x, ag_concat(AG_LIST(x, x), 1));
    ag_error_clear(t);
    AG_VALUES(t, AG_SHAPE(2, 3), 1, 2);
    ag_error_clear(t);
    NN_SEQUENTIAL(t, nn_linear(t, 3, 4, {}), nullptr);
    ag_error_clear(t);
    without(x);
    ag_tape_free(t);
}
END
cat >"$work/without.cc" <<'END'
#include "nn/nn.h"
ag_tensor without(ag_tensor x)
{
    return ag_matmul(x, x);
}
END
cat >"$work/expected" <<'END'
with.cc:10: ag_matmul: [2,3] f64 and [2,6] f64: the shapes do not fit: inner 3 != 2; ag_transpose(a, -2, -1) would fit (AG_ESHAPE)
with.cc:12: ag_values: shape [2,3] takes 6 numbers, but 2 are given (AG_ESHAPE)
with.cc:14: nn_child: the module is absent (AG_ENULL)
ag_matmul: [2,3] f64 and [2,3] f64: the shapes do not fit: inner 3 != 2; ag_transpose(b, -2, -1) would fit, and ag_linear multiplies by a weight [out,in] (AG_ESHAPE)
END
say() { "$work/program" 2>&1 | diff - "$work/expected"; }
for cxx in g++ clang++; do
    command -v $cxx >/dev/null || continue
    [[ ${SAN:-} && $(family "$cxx") != $(family "${CC:-gcc}") ]] && continue
    check "$cxx builds files with and without" $cxx -std=c++17 $strict ${SAN:+-fsanitize=$SAN} -I. "$work"/with.cc "$work"/without.cc \
        "$build/libag.so" -Wl,-rpath,"$build" -o "$work/program"
    check "$cxx: each file's calls say what it knows" say
done
