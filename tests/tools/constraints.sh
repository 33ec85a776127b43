#!/usr/bin/env bash
# constraints.sh PYTHON: write constraints.txt from what requirements-test.txt pulls in today.
set -euo pipefail

here=$(dirname "$0")
venv=$(mktemp -d)
trap 'rm -rf "$venv"' EXIT
"$here/make-venv.sh" "$1" "$venv/venv"
"$venv/venv/bin/python" -m pip install --quiet --requirement requirements-test.txt
{
    echo "# Exact versions of everything that requirements-test.txt pulls in. Written by 'make constraints'; do not edit."
    "$venv/venv/bin/python" -m pip freeze
} >"$venv/constraints.txt"
cp "$venv/constraints.txt" constraints.txt
git --no-pager diff --stat -- constraints.txt
