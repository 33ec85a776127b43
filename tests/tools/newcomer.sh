#!/usr/bin/env bash
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# newcomer.sh [TARGET...]: for each Debian release in SUITES (default: bookworm trixie, which are Debian 12 and 13), create a
# system with only Python, make and git, copy this checkout there, and run `make TARGET` for each TARGET (default: the two
# commands of the README). Exit status 1 if a command failed on a release; the others run nevertheless.
# Packages come from the sources of this machine (apt sources, pip settings, certificates). Needs root and Debian.
# Leaves no files: the system is a temporary folder, and its mounts belong to a namespace that ends with the script.
set -euo pipefail

HOME_INSIDE=/root/alicloud.imds

make_system() {
    local suite=$1 system=$2
    # Settings such as proxies, without paths of files.
    apt-config dump | grep -E '^Acquire::(https?|Retries|Check-Valid-Until)' >"$scratch/apt.conf" || true
    python3 tests/hosts/roots.py --sources "$suite" |
        mmdebstrap --quiet --variant=minbase --include=python3,make,git,ca-certificates \
            --aptopt="$scratch/apt.conf" "$suite" "$system" -
    cp "$scratch/apt.conf" "$system/etc/apt/apt.conf.d/99newcomer"
}

# The settings of this network: names, certificates, pip's settings.
connect_system() {
    local system=$1 file
    for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
        if [[ -e $file ]]; then
            rm -f "$system$file" # may be a link
            cp -L "$file" "$system$file"
        fi
    done
}

# A clone, with the changes that are not committed.
put_checkout() {
    local target=$1
    git clone --quiet --no-hardlinks . "$target"
    git ls-files --cached --others --exclude-standard -z |
        while IFS= read -r -d '' file; do [[ ! -e $file ]] || printf '%s\0' "$file"; done |
        tar --create --null --files-from=- | tar --extract --directory "$target"
}

# The rest runs in a separate mount namespace with the system as its root. With chroot, tests that enter namespaces would
# leave the system.
inside() {
    local system=$1 target start failed=0
    shift
    mount --bind "$system" "$system"
    mount -t proc proc "$system/proc"
    mount --rbind /sys "$system/sys"
    mount --rbind /dev "$system/dev"
    mount -t tmpfs tmpfs "$system/tmp"
    cd "$system"
    pivot_root . mnt
    cd "$HOME_INSIDE"
    umount --lazy /mnt
    for target in "$@"; do
        start=$SECONDS
        printf '\n$ make %s\n' "$target"
        # shellcheck disable=SC2046 # the settings are separate words
        env -i $(env | grep -E '^PIP_') HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            LANG=C.UTF-8 make "$target" || failed=1
        printf '(%d s)\n' $((SECONDS - start))
    done
    return "$failed"
}

if [[ ${1:-} == --inside ]]; then
    shift
    inside "$@"
    exit
fi

cd "$(dirname "$0")/../.."
[[ $(id -u) -eq 0 ]] || {
    echo "Making a fresh system needs root." >&2
    exit 1
}
tests/tools/need.sh mmdebstrap:mmdebstrap
scratch=$(mktemp -d /var/tmp/imds-newcomer-XXXXXX)
trap 'rm -rf --one-file-system "$scratch"' EXIT
[[ $# -gt 0 ]] || set -- demo test
status=0
for suite in ${SUITES:-bookworm trixie}; do
    printf '\nCreating a fresh Debian (%s)\n' "$suite"
    make_system "$suite" "$scratch/$suite"
    connect_system "$scratch/$suite"
    put_checkout "$scratch/$suite$HOME_INSIDE"
    unshare --mount --pid --fork --kill-child "$0" --inside "$scratch/$suite" "$@" || status=1
    rm -rf --one-file-system "${scratch:?}/$suite"
done
exit "$status"
