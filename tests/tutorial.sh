#!/bin/bash
# docs/tutorial.md keeps its word.
document=tutorial least=21
. tests/document.bash
