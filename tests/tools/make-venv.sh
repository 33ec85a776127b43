#!/usr/bin/env bash
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# make-venv.sh PYTHON DIRECTORY: create the virtual environment, or print which packages are missing.
set -euo pipefail

python=$1 venv=$2
here=$(dirname "$0")

command -v "$python" >/dev/null || {
    echo "make: no '$python' here. Install Python 3.11 or newer (Debian 12: apt-get install python3)," \
        "or name one: make PYTHON=/path/to/python3.11" >&2
    exit 1
}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "make: $("$python" -V 2>&1) is too old: ansible-core 2.19 needs Python 3.11 or newer." \
        "Name one that is: make PYTHON=/path/to/python3.11" >&2
    exit 1
}
# Debian splits venv from Python. Without ensurepip `python3 -m venv` fails half way, so check first.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    "$here/need.sh" "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
fi
rm -rf "$venv"
"$python" -m venv "$venv"
echo "Created $venv with $("$python" -V)"
