#!/bin/bash
# docs/design.md names functions and files that exist.
set -u
sources=$(mktemp) || exit 1
trap 'rm -f "$sources"' EXIT
cat ag/*.[ch] ag/*/* ag/*/*/* nn/*.[ch] optim/*.[ch] >"$sources" 2>/dev/null
sed -nE 's/^(UNARY|UNARY_C|C_UNARY|UNARY_CD|BINARY|COMPARE|COMPARE_C|TRUTH|BITS|BITS_UNARY)(_ANY)?\(([a-z_]+),.*/ag_row_\3 \3_vjp AG_OP_\3 ag_\3/p' ag/ops/*/*.c >>"$sources" # what rows make

missing=
for name in $(grep -oE '`[A-Za-z_]+`' docs/design.md | tr -d '`' | sort -u); do
    grep -qw -- "$name" "$sources" || missing="$missing $name"
done
for name in $(grep -oE '\b(ag|nn|optim|AG)_[A-Za-z_]*[A-Za-z]\b' docs/design.md | sort -u); do
    grep -qw -- "$name" "$sources" || missing="$missing $name"
done
if [[ $missing ]]; then echo "not ok names in docs/design.md: there is no$missing"; else echo "ok names in docs/design.md"; fi

missing=
for file in $(grep -oE '`[a-z_/]+\.[ch]`' docs/design.md | tr -d '`' | sort -u); do
    [[ -e $file || -e ag/$file || $(echo ag/*/"$file") != "ag/*/$file" || $(echo ag/*/*/"$file") != "ag/*/*/$file" || $file = registry.h ]] || missing="$missing $file"
done
for file in $(grep -oE '\]\([^)]*\)' docs/design.md | tr -d ']()' | sort -u); do
    [[ -e docs/$file || $file = ops.md ]] || missing="$missing $file" # ops.md is generated
done
if [[ $missing ]]; then echo "not ok files in docs/design.md: there is no$missing"; else echo "ok files in docs/design.md"; fi
