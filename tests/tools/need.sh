#!/usr/bin/env bash
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# need.sh [COMMAND:]PACKAGE...: see that each Debian package is there (a package with COMMAND counts as there when the
# command is found). Missing ones are installed where this is possible (root and apt-get); otherwise say what to install.
# Exit status: 0 all there, 1 something is still missing.
set -euo pipefail

PATH=$PATH:/usr/sbin:/sbin # a Debian user has no sbin on the PATH, and `ip` and `nft` live there
missing=()
for need in "$@"; do
    if [[ $need == *:* ]]; then
        command -v "${need%%:*}" >/dev/null || missing+=("${need#*:}")
    else
        missing+=("$need")
    fi
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
    echo "Missing here: ${missing[*]}. On Debian or Ubuntu: sudo apt-get install ${missing[*]}" >&2
    exit 1
fi
echo "Installing ${missing[*]}"
# Stages that run at the same time may want the same package: one installs, the other waits.
mkdir -p "$(dirname "$0")/../../.cache"
exec 9>"$(dirname "$0")/../../.cache/apt.lock"
flock 9
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >"$log" 2>&1
}
# Package lists may be absent (a fresh machine) or stale: update only when the installation fails without.
if ! install && ! { apt-get update -q >"$log" 2>&1 && install; }; then
    cat "$log" >&2
    echo "apt-get could not install ${missing[*]}" >&2
    exit 1
fi
