#!/bin/bash
# docs/tutorial.md keeps its word.
if [[ ${SAN:-} ]]; then
    echo "skip tutorial: the library without sanitizers is tested with it"
    exit
fi
document=tutorial least=21
. tests/document.bash
