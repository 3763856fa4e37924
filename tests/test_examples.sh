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

# of NAME - the output of a program that the rows have run.
of() {
    example=$1
    cp "out/$1.txt" output 2>/dev/null || : >output
}

# The rows of the lectures, and what they do not say
if [[ ${SAN:-} ]]; then
    echo "skip examples: sanitizers make trainings of seconds ones of minutes"
    exit
fi
for program in gnuplot dot; do
    command -v $program >/dev/null || { echo "skip examples: there is no $program"; exit; }
done
"$root/examples/lectures" --test "$build" "${DATA:-$root/../shared/data}"
for file in out/*/*.png; do
    name=${file#out/} name=${name%.png} example=$name
    check "picture" is_picture "$name"
done
check "a page with all rows" test "$(grep -c '<tr class="ok"' out/index.html)" -ge 25

of 1_backpropagation/01_graph
check "the graph as a table" holds '
    $1 == "a" && $2 == "variable" && $3 == 4 && $4 == 11 { n++ }
    $1 == "b" && $2 == "variable" && $3 == 3 && $4 == 4 { n++ }
    $1 == "c" && $2 == "add" && $3 == 7 && $4 == 4 && /a \(1\) b \(1\)/ { n++ }
    $1 == "d" && $2 == "mul" && $3 == 28 && $4 == 1 && /a \(7\) c \(4\)/ { n++ }
    END { exit n != 4 }'

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
of 1_backpropagation/03_circle_scalar
table >scalar
check "hard labels bias the radius" holds '/^hard labels/ { hard = 1 } hard && $1 == 100 { radius = $5 } END { exit !(radius > 1 && radius < 1.15) }'
of 1_backpropagation/04_circle_batch
table >batch
check "the same as sample by sample, to 1e-12" agree scalar batch
of 1_backpropagation/05_circle_module
table >module
check "the same as sample by sample, to 1e-12" agree scalar module

of 1_backpropagation/07_batch_layer
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

of 1_backpropagation/08_jacobians
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
-2 0 0 0
3 0 0 0
0 0.5 0 0
0 -2 0 0
0 3 0 0
0 0 0.5 0
0 0 -2 0
0 0 3 0
0 0 0 0.5
0 0 0 -2
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

of 1_backpropagation/09_two_layer_net
check "the loss falls to below 0.01" holds '
    /^step/ { n++; if (n > 1 && !($NF < last)) bad = 1; if (n == 1) first = $NF; last = $NF }
    END { exit bad || n != 6 || !(first > 1e7 && first < 1e8 && last > 0 && last < 1e-2) }'

run 5_beyond/01_user_op
check "the right rule passes, the wrong one does not" holds '
    /^swish: PASS/ { right = 1 } /^careless_swish: FAIL/ { wrong = 1 } wrong && /FAIL, 2 samples: wrong at every element of x: .* by x\[[0-9], [0-9]\] = .*analytic .*numeric/ { shown = 1 }
    END { exit !(right && wrong && shown) }'
check "value and derivative" near "swish(1) = " 0.731058578630005 0.927670511871487

run 5_beyond/03_profile
check "its rows name ops and modules" grep -qE '[0-9] %.* mlp\.0 backward$' output
if command -v python3 >/dev/null; then
    check "its trace is JSON" python3 -c 'import json; assert len(json.load(open("out/5_beyond/03_profile.json"))["traceEvents"]) > 500'
fi

run 5_beyond/02_fixed_point
check "the rule's gradients" holds '/^gradients by the rule/ { exit !($(NF - 2) < 1e-14) } END { if (!NR) exit 1 }'
check "to second order" grep -q "^numeric derivatives, first and second: PASS" output
check "the loss falls" holds '/^epoch/ { n++; if (n > 1 && !($NF < last / 5)) bad = 1; last = $NF } END { exit bad || n != 5 }'

data=/usr/share/datasets/fashion-mnist
if [[ -e $data ]]; then
    of 3_deep_networks/05_fashion_mnist
    check "the same after saving and loading" grep -q "read back: accuracy 0.*, the same" output
    check "the file of weights" test "$(head -c 9 out/3_deep_networks/05_fashion_mnist.safetensors | tail -c 1)" = "{"
    else
    echo "skip 3_deep_networks/05_fashion_mnist: no Fashion-MNIST (package dataset-fashion-mnist)"
fi
"$build/examples/3_deep_networks/05_fashion_mnist" "$work/nowhere" >output 2>&1
status=$? example=3_deep_networks/05_fashion_mnist
check "without data: names the file and the package" grep -q "nowhere/train-images.*No such file" output
check "without data: names the package" grep -q "dataset-fashion-mnist" output
check "without data: fails" test $status = 10

# Where gnuplot is not there or fails, the numbers are printed all the same.
mkdir bin
example=1_backpropagation/05_circle_module
PATH=$work/bin "$build/examples/$example" >output 2>&1
status=$?
check "without gnuplot: says so" grep -q "\`gnuplot\` is not installed (package gnuplot-nox)" output
check "without gnuplot: fails" test $status = 10
check "without gnuplot: the numbers" diff module <(table)
printf '#!/bin/sh\necho "line 3: undefined variable"\nexit 1\n' >bin/gnuplot
chmod +x bin/gnuplot
PATH=$work/bin:$PATH "$build/examples/$example" >output 2>&1
check "gnuplot's complaint is shown" grep -q "undefined variable" output

# The comparison itself: rows that are not as expected, and programs that are not there.
mkdir -p other/1_small small/examples/1_small
cp "$root/examples/lectures" other/
printf '#!/bin/sh\necho "a = 1.0000000001 2  3e0"\necho "b: 7 apples"\n' >small/examples/1_small/01_p
chmod +x small/examples/1_small/01_p
cat >other/1_small/rows.txt <<'END'
good    | 01_p       | a =  | 1 2..2 <4
exact   | 01_p       | ^b:  | >6 apples
beyond  | 01_p       | a =  | 1.00000001
few     | 01_p       | a =  | 1 2 3 4
word    | 01_p       | b:   | 7 pears
label   | 01_p       | c =  | 1
absent  | 02_q       | a =  | 1
no data | 01_p {lost} | a =  | 1
END
example=comparison
other/lectures --test small >output 2>/dev/null
check "says what is wrong" diff output - <<'END'
ok 1_small good
ok 1_small exact
not ok 1_small beyond: 1_small/01_p: 1.0000000001, not 1.00000001
not ok 1_small few: 1_small/01_p: 1.0000000001 2 3e0, not 1 2 3 4
not ok 1_small word: 1_small/01_p: 7 not pears, not 7 pears
not ok 1_small label: 1_small/01_p: nothing, not 1
not ok 1_small absent: 1_small/02_q: status 127, not 1
skip 1_small no data: there is no lost
END
