#!/bin/bash
# tests/certain/run.sh BUILD - what the checks of derivatives catch: a line for each planted mistake, with the cause that
# ag_check_op names, and what becomes of 2000 right functions and 200 with a kink. Beside it the same mistakes put to
# PyTorch's gradcheck and gradgradcheck, slow and fast mode, and to JAX's check_grads, where BUILD/peers has them
# (make bench-peers); PEERS_PYTHON=python3 uses a Python that has them.
set -u
export PYTHONDONTWRITEBYTECODE=1 OMP_WAIT_POLICY=passive
build=$1
here=$(dirname "$0")
python=${PEERS_PYTHON:-$build/peers/bin/python}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

"$build/tests/test_certain" table >"$work/ag"
status=$?
for peer in torch jax; do
    : >"$work/$peer"
    if ! "$python" -c "import $peer" 2>/dev/null; then
        echo "no $peer in $build/peers, which make bench-peers makes: its column is empty"
    elif ! "$python" "$here/peers_$peer.py" >"$work/$peer" 2>"$work/log"; then
        echo "peers_$peer.py failed: $(tail -n 1 "$work/log")"
        status=1
    fi
done

# ?: could not be tried there, or was not
awk -F '\t' '
    FILENAME ~ /torch$/ { slow[$1] = $2; fast[$1] = $3; next }
    FILENAME ~ /jax$/ { jax[$1] = $2; next }
    function of(list, name) { return name in list ? list[name] == "caught" ? "caught" : "missed" : "?" }
    function count(list, names, n,    i, k) { for (i = 2; i <= n; i++) k += of(list, names[i]) == "caught"; return k }
    function tried(list, names, n,    i, k) { for (i = 2; i <= n; i++) k += names[i] in list; return k }
    BEGIN { printf "%-45s %-7s %-7s %-7s %-7s %s\n", "planted", "ag", "torch", "fast", "jax", "what ag says (of its check)" }
    $1 == "smooth" { smooth = $2; next }
    $1 == "kinks" { kinks = $2; next }
    {
        names[++n] = $1
        ag[$1] = $2
        if ($2 == "-") { # nothing is planted: nothing is to be caught
            printf "%-45s %-7s %-7s %-7s %-7s\n", $1, "passes", slow[$1] == "-" ? "passes" : slow[$1], fast[$1] == "-" ? "passes" : fast[$1], jax[$1] == "-" ? "passes" : jax[$1]
            next
        }
        printf "%-45s %-7s %-7s %-7s %-7s %s (%s)\n", $1, of(ag, $1), of(slow, $1), of(fast, $1), of(jax, $1), $4, $3
    }
    END {
        printf "\ncaught: ag %d of %d", count(ag, names, n), n - 1
        if (tried(slow, names, n)) printf ", PyTorch %d and in fast mode %d of %d", count(slow, names, n), count(fast, names, n), tried(slow, names, n)
        if (tried(jax, names, n)) printf ", JAX %d of %d", count(jax, names, n), tried(jax, names, n)
        printf "\nright functions that pass: %s\nfunctions with a kink at the point that are told: %s\n", smooth, kinks
    }' "$work/torch" "$work/jax" "$work/ag"
exit $status
