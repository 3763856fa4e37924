#!/bin/bash
# The examples run, print the numbers they are about, and draw their pictures.
set -u
build=$(cd "${BUILD:-build}" && pwd) || exit 1
root=$PWD
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# run NAME [ARGUMENT...] - an example that ends well; its output is in the file `output`.
run() {
    example=$1
    shift
    "$build/examples/$example" "$@" >output 2>&1
    local status=$?
    if ((status == 0)); then
        echo "ok $example ends well"
    else
        echo "not ok $example: status $status"
        cat output
    fi
}

# check WHAT COMMAND... - something that must hold of the last example.
check() {
    local what=$1
    shift
    if "$@" >log 2>&1; then
        echo "ok $example: $what"
    else
        echo "not ok $example: $what"
        cat log output
    fi
}

# near LABEL VALUE... - the numbers that follow the label where it first stands are these, to 1e-9.
near() {
    awk -v label="$1" -v wanted="${*:2}" '
        !found && (at = index($0, label)) {
            found = 1
            rest = substr($0, at + length(label))
            while (match(rest, /-?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?/)) {
                got[++n] = substr(rest, RSTART, RLENGTH)
                rest = substr(rest, RSTART + RLENGTH)
            }
        }
        END {
            m = split(wanted, w, " ")
            if (n < m || !m) { print "after \"" label "\" there are " n + 0 " numbers, not " m; exit 1 }
            for (i = 1; i <= m; i++) {
                scale = w[i] < 0 ? -w[i] : w[i] > 0 ? w[i] : 1
                d = got[i] - w[i]
                if (!((d < 0 ? -d : d) <= 1e-9 * scale)) { print label ": " got[i] ", not " w[i]; bad = 1 }
            }
            exit bad
        }' output
}

holds() { # AWK - true of the output at its end
    awk "$1" output
}

# A PNG that can be read, of some size, in which more than a line or two is drawn.
${CC:-gcc} -std=c11 -O1 -Wall -Wextra -Wpedantic -Werror "$root/tests/picture.c" -lz -o read_picture || exit 1
is_picture() {
    local width height colours drawn
    read -r width height colours drawn < <(./read_picture "out/$1.png" || echo "0 0 0 0")
    echo "$width x $height, $colours colours, $drawn pixels that are not background"
    ((width >= 400 && height >= 200 && colours >= 50 && drawn >= width * height / 100))
}

picture() {
    local file=out/$1.png
    [[ $(od -An -tx1 -N8 "$file" | tr -d ' \n') == 89504e470d0a1a0a ]] || return 1
    [[ $(tail -c 8 "$file" | od -An -tx1 | tr -d ' \n') == 49454e44ae426082 ]] || return 1
    local width height
    read -r width height < <(od -An -tu1 -j16 -N8 "$file" | awk '{ print (($1 * 256 + $2) * 256 + $3) * 256 + $4, (($5 * 256 + $6) * 256 + $7) * 256 + $8 }')
    ((width >= 400 && height >= 200)) || { echo "$width x $height"; return 1; }
    command -v gnuplot >/dev/null || return 0
    gnuplot -e "stats '$file' binary filetype=png using 1 name 'R' nooutput; stats '$file' binary filetype=png using 3 name 'B' nooutput;
        exit status !(R_records == $width * $height && R_min < 64 && R_max > 240 && R_stddev > 5 && B_stddev > 5)"
}

picture() { # NAME [PROGRAM PACKAGE]
    if command -v "${2:-gnuplot}" >/dev/null; then
        check "picture" is_picture "$1"
    else
        check "says that there is no picture" grep -q "no picture: .* is not installed (package ${3:-gnuplot-nox})" output
    fi
}

run 1_backpropagation/01_graph
check "values" near "c = a + b = " 7 28
check "local derivatives" near "local derivatives: " 1 1 7 4
check "gradients" near "gradients: " 1 4 4 11
check "routes" near "routes from d to a: " 7 4 11
check "second backward" near "after a second backward: " 2 8 8 22
check "the graph as a table" holds '
    $1 == "a" && $2 == "variable" && $3 == 4 && $4 == 11 { n++ }
    $1 == "b" && $2 == "variable" && $3 == 3 && $4 == 4 { n++ }
    $1 == "c" && $2 == "add" && $3 == 7 && $4 == 4 && /a \(1\) b \(1\)/ { n++ }
    $1 == "d" && $2 == "mul" && $3 == 28 && $4 == 1 && /a \(7\) c \(4\)/ { n++ }
    END { exit n != 4 }'
picture 01_graph dot graphviz

run 1_backpropagation/02_xor_gates
check "0 xor 0" near " 0  0 " 4.539786870243439e-05 0.9999999999999065 4.543910487654591e-05
check "0 xor 1" near " 0  1 " 0.9999546021312976 0.9999546021312976 0.999954519621495
check "1 xor 0" near " 1  0 " 0.9999546021312976 0.9999546021312976 0.999954519621495
check "1 xor 1" near " 1  1 " 0.9999999999999065 4.539786870243439e-05 4.543910487654591e-05

# A circle's table: step, loss, centre and radius; three programs, the same numbers.
table() {
    awk 'NF == 5 && $1 ~ /^[0-9]+$/ { print } /^the truth/ { exit }' output
}
agree() {
    [[ $(wc -l <"$1") -ge 7 ]] && paste "$1" "$2" | awk '
        NF != 10 || $1 != $6 { bad = 1 }
        { for (i = 3; i <= 5; i++) { d = $i - $(i + 5); if (!(d * d <= 1e-24)) { print; bad = 1 } } }
        END { exit bad || !NR }'
}
recovered='$1 == 100 { exit !(($3 - 0.5) ^ 2 + ($4 + 0.25) ^ 2 < 0.02 ^ 2 && ($5 - 1.2) ^ 2 < 0.01 ^ 2) }'
run 1_backpropagation/03_circle_scalar
table >scalar
check "recovers centre and radius" holds "$recovered"
check "hard labels bias the radius" holds '/^hard labels/ { hard = 1 } hard && $1 == 100 { radius = $5 } END { exit !(radius > 1 && radius < 1.15) }'
run 1_backpropagation/04_circle_batch
table >batch
check "the same as sample by sample, to 1e-12" agree scalar batch
check "few nodes a step" holds '/^nodes of a step:/ { exit !($NF < 30) }'
run 1_backpropagation/05_circle_module
table >module
check "the same as sample by sample, to 1e-12" agree scalar module
check "recovers centre and radius" holds "$recovered"
picture 05_circle

run 1_backpropagation/06_feature_map
check "100 % on separable data, far less without the map" holds '
    /^accuracy on \(x1, x2\):/ { flat = $(NF - 1) } /^accuracy on .*\^2/ { lifted = $(NF - 1) } END { exit !(lifted == 100 && flat < 90) }'
picture 06_feature_map

run 1_backpropagation/07_batch_layer
check "shapes" holds '/^X +\[5,3\]$/ || /^W +\[3,2\]$/ || /^B +\[2\]$/ || /^Z .*\[5,2\]$/ || /^A .*\[5,2\]$/ { n++ } END { exit n != 5 }'
check "values" holds '
    BEGIN { split("-0.75 2.3 -0.75 0.1 0.35 -0.5 -0.85 -0.7 -2.05 2.5", z, " ") }
    NF == 5 && $1 ~ /^[0-4]$/ {
        for (k = 1; k <= 2; k++) {
            e = $(k + 1) - z[2 * $1 + k]
            d = $(k + 3) - 1 / (1 + exp(-z[2 * $1 + k]))
            if (!(d * d < 1e-18 && e * e < 1e-18)) bad = 1
        }
        n++
    }
    END { exit bad || n != 5 }'
check "the same as sample by sample" holds '
    /largest difference:/ { gsub(",", ""); n = $(NF - 6) + 0 <= 1e-15 && $(NF - 2) + 0 <= 1e-15 && $NF + 0 <= 1e-15 } END { exit !n }'

run 1_backpropagation/08_jacobians
cat >jacobians <<'END'
y = W x, W 4 x 3: dy/dx
1 -2 3
4 5 -6
7 8 9
-10 11 12
dy/dx = W: exact
y = x W: dy/dx
1 4 7 -10
-2 5 8 11
3 -6 9 12
dy/dx = W': exact
y = W x: dy/dW as t[i,j,k], a line for each (i,j)
0.5 0 0 0
2 0 0 0
3 0 0 0
0 0.5 0 0
0 2 0 0
0 3 0 0
0 0 0.5 0
0 0 2 0
0 0 3 0
0 0 0 0.5
0 0 0 2
0 0 0 3
t[i,j,k] = x_j if i = k, else 0: exact
Y = X W, X 2 x 4: dY/dX, rows (r,i), columns (s,j)
1 4 7 -10 0 0 0 0
-2 5 8 11 0 0 0 0
3 -6 9 12 0 0 0 0
0 0 0 0 1 4 7 -10
0 0 0 0 -2 5 8 11
0 0 0 0 3 -6 9 12
dY/dX = W' where r = s, else 0: exact
y = V W x: dy/dx
25 3 9
-13 21 27
dy/dx = V W: exact
the same by ag_jacobian: exact
END
check "exact" diff jacobians <(sed -E 's/ +/ /g; s/^ //; /^$/d' output)

run 1_backpropagation/09_two_layer_net
check "the loss falls to below 0.01" holds '
    /^step/ { n++; if (n > 1 && !($NF < last)) bad = 1; if (n == 1) first = $NF; last = $NF }
    END { exit bad || n != 6 || !(first > 1e7 && first < 1e8 && last > 0 && last < 1e-2) }'
picture 09_two_layer_net

run 1_backpropagation/10_xor_mlp
check "learned" holds '/ xor / { n++; x = $1 != substr($3, 1, 1); if (!(x ? $NF > 0.95 : $NF < 0.05)) bad = 1 } END { exit bad || n != 4 }'
picture 10_xor_mlp

run 5_beyond/01_user_op
check "the right rule passes, the wrong one does not" holds '
    /^swish: PASS/ { right = 1 } /^careless_swish: FAIL/ { wrong = 1 } wrong && /first derivative .* FAIL .*analytic .*numeric/ { shown = 1 }
    END { exit !(right && wrong && shown) }'
check "value and derivative" near "swish(1) = " 0.731058578630005 0.927670511871487

run 5_beyond/02_fixed_point
check "the rule's gradients" holds '/^gradients by the rule/ { exit !($(NF - 2) < 1e-14) } END { if (!NR) exit 1 }'
check "to second order" grep -q "^numeric derivatives, first and second: PASS" output
check "the loss falls" holds '/^epoch/ { n++; if (n > 1 && !($NF < last / 5)) bad = 1; last = $NF } END { exit bad || n != 5 }'

data=/usr/share/datasets/fashion-mnist
if [[ -e $data ]]; then
    run 3_deep_networks/05_fashion_mnist "$data" 5
    check "accuracy" holds "/^epoch 5,.*test accuracy/ { n = \$NF >= 0.87 && \$NF < 0.95 } END { exit !n }"
    check "the same after saving and loading" grep -q "read back: accuracy 0.*, the same" output
    check "the file of weights" test "$(head -c 9 out/fashion_mlp.safetensors | tail -c 1)" = "{"
    picture 12_fashion_mnist
else
    echo "skip 3_deep_networks/05_fashion_mnist: no Fashion-MNIST (package dataset-fashion-mnist)"
fi
"$build/examples/3_deep_networks/05_fashion_mnist" "$work/nowhere" >output 2>&1
status=$? example=3_deep_networks/05_fashion_mnist
check "without data: names the file and the package" grep -q "nowhere/train-images.*No such file" output
check "without data: names the package" grep -q "dataset-fashion-mnist" output
check "without data: fails" test $status = 10

# Programs that draw, on a machine where they cannot and on one where they fail
mkdir bin
PATH=$work/bin run 1_backpropagation/01_graph
check "without dot" grep -q "no picture: .dot. is not installed (package graphviz)" output
PATH=$work/bin run 1_backpropagation/05_circle_module
check "without gnuplot" grep -q "no picture: .gnuplot. is not installed (package gnuplot-nox)" output
printf '#!/bin/sh\necho "line 3: undefined variable"\nexit 1\n' >bin/gnuplot
chmod +x bin/gnuplot
PATH=$work/bin:$PATH "$build/examples/1_backpropagation/05_circle_module" >output 2>&1
status=$?
check "gnuplot's failure is one" test $status = 1
check "gnuplot's complaint is shown" grep -q "undefined variable" output
