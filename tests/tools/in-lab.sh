#!/usr/bin/env bash
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# in-lab.sh COMMAND...: run COMMAND in the laboratory, or outside if this machine cannot create one. Tests that need the
# laboratory are then skipped with the reason in IMDS_NO_LAB.
set -euo pipefail

here=$(dirname "$0")
if reason=$("$here/../lab/enter" true 2>&1); then
    exec "$here/../lab/enter" "$@"
fi
echo "No network laboratory here, so only loopback is used: $reason" >&2
if [[ -n ${CI:-} ]]; then
    exit 1
fi
IMDS_NO_LAB=$reason exec "$@"
