#!/usr/bin/env bash
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# need.sh [COMMAND:]PACKAGE...: install missing Debian packages (a package with COMMAND is not missing if the command
# is found). Without root or apt-get, print which packages to install.
# Exit status: 0 if no package is missing, 1 otherwise.
set -euo pipefail

PATH=$PATH:/usr/sbin:/sbin # PATH of a Debian user does not have sbin, which has ip and nft
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
# Stages that run at the same time may need the same package: one installs it, the other one waits.
mkdir -p "$(dirname "$0")/../../.cache"
exec 9>"$(dirname "$0")/../../.cache/apt.lock"
flock 9
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y -q --no-install-recommends "${missing[@]}" >"$log" 2>&1
}
# Package lists may be absent (a fresh machine) or stale: update only when the installation fails without.
if ! install && ! { apt-get update -q >"$log" 2>&1 && install; }; then
    cat "$log" >&2
    echo "apt-get could not install ${missing[*]}" >&2
    exit 1
fi
