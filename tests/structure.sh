#!/bin/bash
# The house keeps its order: rooms include and call downward only, a header's section names the file that defines what
# it declares, functions and files stay short, and the documents quote code that is there.
set -u
if [[ ${SAN:-} ]]; then
    echo "skip structure: it is the same whatever library is tested"
    exit
fi
build=${BUILD:-build}
rooms=$(sed -n 's/^rooms := //p' Makefile)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# check NAME: "ok", or what was found on the standard input and "not ok".
check() {
    local found
    found=$(cat)
    if [[ $found ]]; then printf '%s\n' "$found" "not ok $1"; else echo "ok $1"; fi
}

# ---- includes

# The header that a room shows to the others.
face() {
    if [[ $1 = ops ]]; then echo ag/ops/define.h; else echo "ag/$1/$1.h"; fi
}

includes() {
    local below=' ' room file header other
    for room in $rooms; do
        below="$below$room "
        for file in ag/"$room"/*.[ch] ag/"$room"/*.inc ag/"$room"/*/*.[ch] ag/"$room"/*/*.inc; do
            [[ -e $file ]] || continue
            for header in $(sed -nE 's/^#include "(ag\/[^"]+\/[^"]+)".*/\1/p' "$file"); do
                other=${header#ag/} other=${other%%/*}
                if [[ $below != *" $other "* ]]; then
                    echo "$file includes $header, of a higher room"
                elif [[ $other != "$room" && $header != "$(face "$other")" ]]; then
                    echo "$file includes $header: of another room it may see $(face "$other") alone"
                fi
            done
        done
    done
}
includes | check "rooms include downward, and of another room its one header"

# ---- calls, as the object files have them

for file in ag/*/*.c ag/*/*/*.c; do
    object=$build/${file%.c}.o
    [[ -e $object ]] && nm "$object" | awk -v file="${file%.c}" '$(NF - 1) ~ /^[TDBRVWU]$/ { print file, $(NF - 1), $NF }'
done >"$work/symbols"

# The table of ops, which is generated, is the one thing that a lower room takes from a higher one.
awk -v rooms="$rooms" '
    BEGIN { n = split(rooms, names, " "); for (i = 1; i <= n; i++) level[names[i]] = i }
    { split($1, path, "/") }
    FNR == NR { if ($2 != "U") { room[$3] = path[2]; place[$3] = $1 } next }
    $2 == "U" && room[$3] && level[room[$3]] > level[path[2]] && place[$3] != "ag/ops/registry" {
        print $1 ".c uses " $3 " of " place[$3] ".c, in a higher room" }' "$work/symbols" "$work/symbols" |
    check "rooms call downward"
if [[ $(wc -l <"$work/symbols") -gt 500 ]]; then echo "ok the object files were read"; else echo "not ok the object files were read"; fi

# ---- declarations: a section /* ---- file.c ... */ of an internal header declares what that file defines

for header in ag/*/*.h ag/*/*/*.h; do
    awk -v header="$header" '
        /^\/\* ---- / { section = ""; if (match($0, /[a-z0-9_\/]+\.c/)) section = substr($0, RSTART, RLENGTH) }
        /^(static|typedef|#|}|enum|struct| )/ { next }
        section && /^[a-z].*[ *]ag_[a-z0-9_]+(\(|\[)/ && !/^[a-z_ ]*=/ {
            match($0, /[ *]ag_[a-z0-9_]+(\(|\[)/)
            print header, section, substr($0, RSTART + 1, RLENGTH - 2)
        }' "$header"
done >"$work/declared"
while read -r header section name; do
    file=${header%/*}/$section
    [[ $section = */* ]] && file=ag/$section
    grep -qE "^${file%.c} [TDBRVW] $name\$" "$work/symbols" || echo "$header: $name stands under $section, which does not define it"
done <"$work/declared" | check "headers declare under the file that defines"
if [[ $(wc -l <"$work/declared") -gt 100 ]]; then echo "ok the headers were read"; else echo "not ok the headers were read"; fi

# ---- lengths

sources=$(ls ag/*.[ch] ag/*/*.[ch] ag/*/*.inc ag/*/*/*.[ch] ag/*/*/*.inc nn/*.[ch] optim/*.[ch] optim/*.inc tests/*.[ch] tests/*/*.[ch] examples/*/*.[ch] docs/*.c | grep -vxE 'ag/ops.h|[a-z]+/traced.h')
# shellcheck disable=SC2086
wc -l $sources | awk '$2 != "total" && $1 > 400 { print $2 " has " $1 " lines" }' | check "files have 400 lines at most"
# shellcheck disable=SC2086
awk '/^\{/ { start = FNR } /^\}/ && start { if (FNR - start - 1 > 60) print FILENAME ":" start ": a function of " FNR - start - 1 " lines"; start = 0 }' \
    $sources | check "functions have 60 lines at most"

# ---- quotations

# Code in the documents, one line each with its blanks made one; "..." stands for anything.
flat() { tr -s ' \t\n' '   ' | sed -E 's/ ?([(){};,]) ?/\1/g'; }
cat $sources ag/ops.h Makefile | flat >"$work/code"
for document in README.md docs/*.md; do
    [[ $document = docs/ops.md || $document = docs/performance.md ]] && continue # generated; measurements
    # README's program is built and run by package.sh, the others' by document.bash
    awk -v program="$([[ $document = README.md || $document = docs/tutorial.md || $document = docs/adding_an_op.md ]] && echo 1)" '
        /^```/ { block = block ? 0 : /^```c/ ? 1 : 2; next }
        (block == 1 && !program) || (!block && /^    .*[;{}\\,)]$/)' "$document" >"$work/quoted"
    while IFS= read -r line; do
        printf '%s' "$line" | flat | sed 's/\.\.\./\n/g' | while IFS= read -r part || [[ $part ]]; do
            part=${part# } part=${part% }
            [[ $part =~ [a-z] ]] || continue
            grep -qF -- "$part" "$work/code" || echo "$document quotes: $line"
        done
    done <"$work/quoted"
done | check "documents quote code that is there"
