#!/usr/bin/env bash
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
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
