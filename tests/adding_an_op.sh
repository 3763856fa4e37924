#!/bin/bash
# docs/adding_an_op.md keeps its word.
document=adding_an_op least=7
. tests/document.bash
