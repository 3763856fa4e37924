#!/bin/bash
# tests/bench/peers.sh BUILD - whole training steps of ag beside PyTorch and JAX, and single ops beside PyTorch: one thread, f32, rounds in turn, the
# best of all. The peers are installed into BUILD/peers the first time, which takes about 6 GB of disk;
# PEERS_PYTHON=python3 uses a Python that has them. ROUNDS: how many (3).
set -u
build=$1
here=$(dirname "$0")
python=${PEERS_PYTHON:-$build/peers/bin/python}
export OMP_NUM_THREADS=1

if [[ -z ${PEERS_PYTHON:-} && ! -e $build/peers/done ]]; then
    echo "installing PyTorch and JAX into $build/peers"
    python3 -m venv "$build/peers" || { echo "this needs python3-venv"; exit 1; }
    "$python" -m pip install --quiet torch numpy || exit 1
    "$python" -m pip install --quiet jax || echo "no JAX here"
    touch "$build/peers/done"
fi
"$python" -c 'import torch' || exit 1
jax=0
"$python" -c 'import jax' 2>/dev/null && jax=1

lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
for ((round = 0; round < ${ROUNDS:-3}; round++)); do
    {
        "$build/bench/mlp" --epochs 3 --threads 1 --only ag | awk '/epoch seconds:/ { print "epoch", $NF }'
        "$build/bench/peers"
        "$build/bench/ops" peers
    } | sed 's/^/ag /' >>"$lines"
    {
        "$python" "$here/peers_torch.py" epoch circle net attention
        "$python" "$here/peers_ops.py"
    } | sed 's/^/torch /' >>"$lines"
    ((jax)) && "$python" "$here/peers_jax.py" epoch circle net attention | sed 's/^/jax /' >>"$lines"
done

lscpu 2>/dev/null | sed -n 's/^Model name: */processor: /p'
"$python" -c 'import torch; print("PyTorch", torch.__version__, "eager, one thread")'
((jax)) && "$python" -c 'import jax; print("JAX", jax.__version__, "compiled steps, one processor")'
awk '
    $1 == "ag" && sub(/[.]forward$/, "", $2) { if (!($2 in known)) { known[$2]; ops[++count] = $2 } $2 = $2 ".forward" }
    !(($1, $2) in best) || $3 < best[$1, $2] { best[$1, $2] = $3 }
    function show(who, what, scale) { return (who, what) in best ? sprintf("%9.2f", best[who, what] * scale) : sprintf("%9s", "-") }
    function ratio(who, what) { return (who, what) in best && best["ag", what] ? sprintf("%9.2f", best[who, what] / best["ag", what]) : sprintf("%9s", "-") }
    function row(title, what, scale) {
        printf "%-58s %s %s %s %s %s\n", title, show("ag", what, scale), show("torch", what, scale), show("jax", what, scale),
            ratio("torch", what), ratio("jax", what)
    }
    END {
        printf "%-58s %9s %9s %9s %9s %9s\n", "", "ag", "PyTorch", "JAX", "PyTorch/ag", "JAX/ag"
        row("Fashion-MNIST epoch, 784-128-10, Adam, batch 64: s", "epoch", 1)
        row("circle, 1000 points, 3 scalar parameters, SGD: us a step", "circle", 1e6)
        row("64-1000-100-10, ReLU, sum of squares, SGD: us a step", "net", 1e6)
        row("attention, 4 heads, 1024 queries, causal: ms a step", "attention", 1e3)
        printf "\n%-28s %29s   %29s\n%-28s %9s %9s %9s   %9s %9s %9s\n", "", "forward, ms", "backward, ms", "",
            "ag", "PyTorch", "PyTorch/ag", "ag", "PyTorch", "PyTorch/ag"
        for (i = 1; i <= count; i++) {
            f = ops[i] ".forward"; b = ops[i] ".backward"
            printf "%-28s %s %s %s   %s %s %s\n", ops[i], show("ag", f, 1e3), show("torch", f, 1e3), ratio("torch", f),
                show("ag", b, 1e3), show("torch", b, 1e3), ratio("torch", b)
        }
    }' "$lines"
