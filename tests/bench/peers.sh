#!/bin/bash
# tests/bench/peers.sh BUILD - whole training steps of ag beside PyTorch and JAX, single ops beside PyTorch, and those that
# the memory bounds beside its speed: one thread, f32, rounds in turn, the best of all. What the others take beside ag is
# drawn in out/peers.png. The peers are installed into BUILD/peers the first time, which takes about 6 GB of disk;
# PEERS_PYTHON=python3 uses a Python that has them. ROUNDS: how many (3). COMPILED=1: torch.compile too, which takes minutes.
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

steps=(T1 T2 T3_momentum T3_adam T4_relu T4_tanh T5 T6)
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
for ((round = 0; round < ${ROUNDS:-3}; round++)); do
    {
        "$build/bench/mlp" --epochs 3 --threads 1 --only ag | awk '/epoch seconds:/ { print "epoch", $NF }'
        "$build/bench/peers"
        "$build/bench/goals" --peers --rounds 5 T F
        for workload in T5 T6 CNN; do "$build/bench/memory" $workload | grep memory; done
        "$build/bench/ops" peers
    } | sed 's/^/ag /' >>"$lines"
    {
        "$python" "$here/peers_torch.py" epoch "${steps[@]}" F1 F2 attention
        for workload in T5 T6 CNN; do "$python" "$here/peers_memory.py" $workload; done
        "$python" "$here/peers_ops.py"
    } | sed 's/^/torch /' >>"$lines"
    [[ ${COMPILED:-} ]] && "$python" "$here/peers_torch.py" --compiled "${steps[@]:2}" F1 F2 | sed 's/^/compiled /' >>"$lines"
    ((jax)) && "$python" "$here/peers_jax.py" epoch "${steps[@]}" F1 F2 attention | sed 's/^/jax /' >>"$lines"
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
        row("T1 circle, 1000 points, 3 scalar parameters, SGD: us a step", "T1", 1e6)
        row("T2 64-1000-100-10, ReLU, sum of squares, SGD: us", "T2", 1e6)
        row("T3 784-128-10, batch 64, SGD with momentum: us", "T3_momentum", 1e6)
        row("T3 with Adam: us", "T3_adam", 1e6)
        row("T4 2-16-16-1, ReLU, batch 100, SGD: us", "T4_relu", 1e6)
        row("T4 with tanh: us", "T4_tanh", 1e6)
        row("T5 16 layers of 256, batch 256, Adam: ms", "T5", 1e3)
        row("T6 4096-4096-4096, batch 512, SGD: ms", "T6", 1e3)
        row("F1 ten elementwise ops on 10 million numbers: ms", "F1", 1e3)
        row("F2 a layer norm and a gelu of ops on [512, 4096]: ms", "F2", 1e3)
        row("attention, 4 heads, 1024 queries, causal: ms a step", "attention", 1e3)
        row("memory of T5: MB", "memory_T5", 1e-6)
        row("memory of T6: MB", "memory_T6", 1e-6)
        row("memory of a small CNN: MB", "memory_CNN", 1e-6)
        printf "\n%-28s %29s   %29s\n%-28s %9s %9s %9s   %9s %9s %9s\n", "", "forward, ms", "backward, ms", "",
            "ag", "PyTorch", "PyTorch/ag", "ag", "PyTorch", "PyTorch/ag"
        for (i = 1; i <= count; i++) {
            f = ops[i] ".forward"; b = ops[i] ".backward"
            printf "%-28s %s %s %s   %s %s %s\n", ops[i], show("ag", f, 1e3), show("torch", f, 1e3), ratio("torch", f),
                show("ag", b, 1e3), show("torch", b, 1e3), ratio("torch", b)
        }
    }' "$lines"
printf '\nOps that the memory bounds, beside a[i] = b[i] + 3 c[i] in the same run:\n'
"$build/bench/ops"
mkdir -p out && grep -E ' (T[1-6]|F[12]|epoch|attention|memory)' "$lines" | "$build/bench/picture" out/peers.png && echo "drawn: out/peers.png"
