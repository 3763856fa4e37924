#!/bin/bash
# The ops are as accurate as docs/ops.md says, on inputs that are always the same ones.
set -u
cd "$(dirname "$0")/.." || exit 1
"${BUILD:-build}/accuracy" check
