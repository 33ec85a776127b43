#!/usr/bin/env bash
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# get.sh PATH AGENT [TIMES]: send normal-mode requests, each from a process of its own.
# bash has a built-in TCP client, so each process lives for some milliseconds only.
get() {
    exec 3<>/dev/tcp/100.100.100.200/80
    printf 'GET %s HTTP/1.0\r\nUser-Agent: %s\r\n\r\n' "$1" "$2" >&3
    read -r -t 20 _version status _rest <&3
    [[ $status == 200 ]]
}
if [[ ${3:-1} == 1 ]]; then
    get "$1" "$2"
    exit
fi
for ((at = 0; at < $3; at++)); do
    "$BASH" "$0" "$1" "$2" || exit
done
