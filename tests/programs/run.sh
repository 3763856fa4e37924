#!/bin/bash
# tests/programs/run.sh BUILD - COUNT (1000) new random programs, from number SEED (1) on, with what PyTorch computes,
# played by ag. PyTorch is installed into BUILD/peers if it is not there; PEERS_PYTHON=python3 uses a Python that has it.
# The programs stay in BUILD/programs.txt. With FIXTURE=1 they are small, and meant for tests/fixtures/programs.txt.
set -u
export PYTHONDONTWRITEBYTECODE=1
build=$1
here=$(dirname "$0")
python=${PEERS_PYTHON:-$build/peers/bin/python}

if [[ -z ${PEERS_PYTHON:-} ]] && ! "$python" -c 'import torch, numpy' 2>/dev/null; then
    echo "installing PyTorch into $build/peers"
    python3 -m venv "$build/peers" || { echo "this needs python3-venv"; exit 1; }
    "$python" -m pip install --quiet torch numpy || exit 1
fi
"$python" "$here/generate.py" --count "${COUNT:-1000}" --seed "${SEED:-1}" ${FIXTURE:+--fixture} >"$build/programs.txt" || exit 1
"$build/tests/test_programs" "$build/programs.txt"
