#!/bin/bash
# ag/ops/generate takes in every op, and stops at what it does not understand: it names the file, the line and the matter.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# refuses LINE 'matter' 'name of the test' <source: both of the generator's modes refuse a source there, for that.
refuses() {
    local file=$work/op.c mode problem=
    cat >"$file"
    for mode in header registry; do
        if sh ag/ops/generate $mode "$file" >"$work/out" 2>"$work/log"; then
            problem="$mode: accepted"
        elif ! grep -qF "op.c:$1: " "$work/log" || ! grep -qF -- "$2" "$work/log"; then
            problem="$mode: $(cat "$work/log")"
        fi
    done
    if [[ $problem ]]; then echo "not ok $3: $problem"; else echo "ok $3"; fi
}

refuses 2 'there are no rows of the kind TERNARY' 'a row of an unknown kind' <<'END_OP'
#include "ag/ops/elementwise/rows.h"
TERNARY(fma, "product and sum", "a b + c", "da = b dy", a * b + c, b, 0, -2, 2)
END_OP

refuses 2 'a row must begin its line' 'an indented row' <<'END_OP'
#include "ag/ops/elementwise/rows.h"
    UNARY(neg, "negative", "-x", "dx = -dy", -x, -1, ag_neg(DY), AG_READS_NOTHING, 0, -2, 2)
END_OP

refuses 1 'UNARY(neg, ...) has 10 columns, not 11' 'a row without one of its columns' <<'END_OP'
UNARY(neg, "negative", "-x", "dx = -dy", -x, -1, ag_neg(DY),
      0, -2, 2)
END_OP

refuses 1 'UNARY(neg, ...): column 4 is no text' 'a row whose derivative is no text' <<'END_OP'
UNARY(neg, "negative", "-x", -dy, -x, -1, ag_neg(DY), AG_READS_NOTHING, 0, -2, 2)
END_OP

refuses 2 'this row does not end' 'a row that does not end' <<'END_OP'

UNARY(neg, "negative", "-x", "dx = -dy", -x, -1, ag_neg(DY, AG_READS_NOTHING, 0, -2, 2)
END_OP

refuses 1 'is no name of an op' 'a row without a name' <<'END_OP'
COMPARE(Less, "comparison", "a < b", a < b)
END_OP

refuses 2 'the op less is defined at' 'a row that is there twice' <<'END_OP'
COMPARE(less, "comparison", "a < b", a < b)
COMPARE(less, "comparison", "a < b", a < b)
END_OP

refuses 4 'the op less is defined at' 'an op with the name of a row' <<'END_OP'
COMPARE(less, "comparison", "a < b", a < b)


AG_OP(less) = {
    .name = "less",
};
END_OP

refuses 2 'AG_OP(dot) is named "product"' 'an op of two names' <<'END_OP'
AG_OP(dot) = {
    .name = "product",
};
END_OP

refuses 1 'has no .name' 'an op without a name' <<'END_OP'
AG_OP(dot) = {
    .formula = "sum",
};
END_OP

refuses 1 'cannot read this op' 'an op that begins in another way' <<'END_OP'
AG_OP(dot) =
{
    .name = "dot",
};
END_OP

refuses 1 'AG_OP must begin its line' 'an op behind another word' <<'END_OP'
static AG_OP(dot) = { .name = "dot" };
END_OP

refuses 2 'its { must stand on a line of its own' 'a function whose brace stands beside it' <<'END_OP'
/* ag_dot - product */
AG_API ag_tensor ag_dot(ag_tensor a, ag_tensor b) {
    return a;
}
END_OP

refuses 2 'its { must stand on a line of its own' 'a declaration alone' <<'END_OP'
/* ag_dot - product */
AG_API ag_tensor ag_dot(ag_tensor a, ag_tensor b);
END_OP

refuses 2 'does not begin' 'a function that does not begin' <<'END_OP'
/* ag_dot - product */
AG_API ag_tensor ag_dot(ag_tensor a,
END_OP

refuses 1 'AG_API must begin its line' 'a public function behind another word' <<'END_OP'
extern AG_API ag_tensor ag_dot(ag_tensor a, ag_tensor b)
{
END_OP

refuses 2 'cannot read this public prototype' 'a prototype that the generator cannot read' <<'END_OP'
/* ag_dot - product */
AG_API ag_tensor ag_dot(ag_tensor (*f)(void))
{
END_OP

refuses 1 'ag_dot is not documented' 'a function without documentation' <<'END_OP'
AG_API ag_tensor ag_dot(ag_tensor a, ag_tensor b)
{
END_OP

refuses 2 'ag_dot is not documented' 'a function under the documentation of another' <<'END_OP'
/* ag_matmul - product */
AG_API ag_tensor ag_dot(ag_tensor a, ag_tensor b)
{
END_OP

refuses 6 'the function ag_dot is defined at' 'a function that is there twice' <<'END_OP'
/* ag_dot - product */
AG_API ag_tensor ag_dot(ag_tensor a, ag_tensor b)
{
}
/* ag_dot - product */
AG_API ag_tensor ag_dot(ag_tensor a, ag_tensor b)
{
}
END_OP

refuses 3 'is public, and the file has ops for rules alone' 'a public function among the ops for rules alone' <<'END_OP'
#define AG_OPS_INNER
/* ag_dot - product */
AG_API ag_tensor ag_dot(ag_tensor a, ag_tensor b)
{
}
END_OP

# takes 'name' 'expected in the header' 'in the registry' <source
takes() {
    cat >"$work/op.c"
    if sh ag/ops/generate header "$work/op.c" >"$work/header" 2>"$work/log" && grep -qF -- "$2" "$work/header" &&
        sh ag/ops/generate registry "$work/op.c" >"$work/registry" 2>>"$work/log" && grep -qF -- "$3" "$work/registry"; then
        echo "ok $1"
    else
        echo "not ok $1"
        cat "$work/log" "$work/header"
    fi
}

takes 'a row over several lines, with commas and parentheses in its texts' \
    '/* ag_power - x, (c) times (c = exponent): y = f(x, c), dx = g(x, "c") dy */' '&ag_row_power.op' <<'END_OP'
UNARY_C(power, "x, (c) times",
        exponent, 2.5, "f(x, c)", "dx = g(x, \"c\") dy", POW(x, c),
        (c) * POW(x, c - 1), ag_chain(DY, f(X, C)),
        AG_READS_A, 0, -2, 2)
END_OP

takes 'a prototype over several lines' 'ag_tensor b);' '&ag_op_dot' <<'END_OP'
AG_OP(dot) = {
    .name = "dot",
};
/* ag_dot - product
 *   y = a b */
AG_API ag_tensor ag_dot(ag_tensor a,
                        ag_tensor b)
{
}
END_OP

takes 'a row of the kinds that its file makes' 'AG_OPS_H' 'AG_REGISTRY_H' <<'END_OP'
#define ROUTE(name, \
              type) int name;
ROUTE(route_f32, float)
END_OP

# nothing that begins a line of the sources like an op is missing from what is made of them
sh ag/ops/generate registry ag/ops/*/*.c >"$work/registry" 2>"$work/log" || echo "not ok the sources of the ops: $(cat "$work/log")"
missing=$(sed -nE 's/^([A-Z_]*UNARY[A-Z_]*|BINARY|COMPARE|AG_OP)\(([a-z0-9_]+).*/\2/p' ag/ops/*/*.c | while read -r name; do
    grep -qE "&ag_(row|op)_$name\b" "$work/registry" || echo "$name"
done)
if [[ $missing ]]; then echo "not ok every op is in the registry:" $missing; else echo "ok every op is in the registry"; fi
