#!/usr/bin/env bash
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# constraints.sh PYTHON: write constraints.txt and constraints-docs.txt with the versions that pip chooses today for
# requirements-test.txt and requirements-docs.txt.
set -euo pipefail

here=$(dirname "$0")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# refresh REQUIREMENTS CONSTRAINTS
refresh() {
    "$here/make-venv.sh" "$python" "$scratch/venv"
    "$scratch/venv/bin/python" -m pip install --quiet --requirement "$1"
    {
        echo "# Exact versions of everything that $1 pulls in. Written by 'make constraints'; do not edit."
        "$scratch/venv/bin/python" -m pip freeze
    } >"$scratch/$2"
    cp "$scratch/$2" "$2"
}

python=$1
refresh requirements-test.txt constraints.txt
refresh requirements-docs.txt constraints-docs.txt
git --no-pager diff --stat -- constraints.txt constraints-docs.txt
