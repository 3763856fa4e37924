#!/bin/bash
# The ops are as accurate as docs/ops.md says, on inputs that are always the same ones.
set -u
if [[ ${SAN:-} ]]; then
    echo "skip accuracy: the library without sanitizers is tested for it"
    exit
fi
cd "$(dirname "$0")/.." || exit 1
"${BUILD:-build}/accuracy" check
