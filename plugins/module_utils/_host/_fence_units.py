# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Render the loader of the fence's rules, and the units that run it at boot, after a flush and every 30 s. Pure.

No unit removes the rules when it stops: systemd also stops a unit that reached its start limit, and an administrator who restarts
it expects the rules to stay. Only the mode "off" removes them.
"""

import typing as t

from . import _fence_rules as _rules

UNIT = "alicloud-imds-fence.service"
CHECK_UNIT = "alicloud-imds-fence-check.service"
TIMER = "alicloud-imds-fence-check.timer"
MOST_REPAIRS = 100  # recorded; older ones are in the journal only
CHANGED = 3  # exit status of the loader's command "compare" if the loaded rules are not those that it loaded

# A shell script, because it also runs early at boot and every 30 s. It is an argument of /bin/sh, so that a file system mounted
# with `noexec` does not matter.
_LOADER = r"""# Written by the Ansible collection alicloud.imds.
# Usage: sh fence-loader.sh load|compare|check
# load: load the rules, and store the listing of the kernel. compare: exit with status %(changed)d if the rules are different now.
# check: load the rules again if they or the network cards are different, and record changes of the rules.
set -u
umask 077
PATH=/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
nft='%(nft)s'
rules='%(rules)s'
egress_rules='%(egress_rules)s'
listing='%(listing)s'
repairs='%(repairs)s'
sys='%(sys)s'
proc='%(proc)s'
nl='
'

# Print the names of network cards: devices of a bus, and those with a default route.
devices() {
    routed=$(sed -n -e 's/^\([^[:space:]]*\)[[:space:]]00000000[[:space:]].*/\1/p' -e 's/^0\{32\} 00 .* \([^ ]*\)$/\1/p' \
        "$proc/net/route" "$proc/net/ipv6_route" 2>/dev/null)
    for path in "$sys"/class/net/*; do
        name=${path##*/}
        case $name in lo | '*' | *[!A-Za-z0-9._-]*) continue ;; esac
        if [ ! -e "$path/device" ]; then
            case $nl$routed$nl in *"$nl$name$nl"*) ;; *) continue ;; esac
        fi
        printf '%%s\n' "$name"
    done
}

# Print the names of the network cards and the loaded rules without counters. Fail if nft fails.
current() {
    printf '# devices: %%s\n' "$(devices | tr '\n' ' ')"
    tables=$("$nft" list tables) || return
    for table in '%(table)s' '%(egress_table)s'; do
        case $nl$tables$nl in
        *"${nl}table $table$nl"*)
            # shellcheck disable=SC2086 # family and name
            "$nft" -s -t list table $table || return
            ;;
        esac
    done
}

load() {
    "$nft" -f "$rules" || return
    names=$(devices | sed 's/.*/"&"/' | tr '\n' ',')
    if [ -z "$names" ] || ! sed "s/%(devices)s/${names%%,}/" "$egress_rules" | "$nft" -f - 2>/dev/null; then
        # Not supported here, or no network card yet. The rules of an earlier configuration must not stay.
        tables=$("$nft" list tables) || return
        case $nl$tables$nl in
        *"${nl}table %(egress_table)s$nl"*) "$nft" delete table %(egress_table)s || return ;;
        esac
    fi
    now=$(current) || return
    printf '%%s\n' "$now" >"$listing.new" && mv -f "$listing.new" "$listing"
}

# Set `stale` if the rules must be loaded again, and `reason` if another program removed or changed them.
compare() {
    now=$(current) || exit 1
    was=$(cat "$listing" 2>/dev/null)
    stale=''
    reason=''
    [ "$now" != "$was" ] || return 0
    stale=yes
    [ -n "$was" ] || return %(changed)d
    [ "${now#*"$nl"}" != "${was#*"$nl"}" ] || return 0
    reason=changed
    case $nl$now$nl in *"${nl}table %(table)s {$nl"*) ;; *) reason=removed ;; esac
    return %(changed)d
}

check() {
    [ -e "$rules" ] || exit 0
    compare
    [ -n "$stale" ] || exit 0
    load || exit 1
    [ -n "$reason" ] || exit 0
    { tail -n %(older)d "$repairs" 2>/dev/null; printf '%%s %%s\n' "$(date -u +%%Y-%%m-%%dT%%H:%%M:%%SZ)" "$reason"; } >"$repairs.new"
    mv -f "$repairs.new" "$repairs"
    echo "<4>The rules of the metadata firewall were $reason by another program. They were loaded again." >&2
}

# systemd, nftables.service and Ansible may start this at the same time.
if command -v flock >/dev/null; then
    exec 9>"$listing.lock"
    flock -w 20 9 || {
        echo "Another process has loaded or checked the rules for more than 20 s ($listing.lock)." >&2
        exit 1
    }
fi
case ${1:-} in
load | compare | check) "$1" ;;
*) exit 2 ;;
esac
"""

_SERVICE = """\
# Written by the Ansible collection alicloud.imds.
[Unit]
Description=Firewall rules for the ECS instance metadata service
Documentation=https://github.com/alicloud-imds/alicloud.imds
DefaultDependencies=no
Requires=local-fs.target
After=local-fs.target nftables.service
Before=network-pre.target network-online.target
Wants=network-pre.target
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh %(loader)s load
ExecReload=/bin/sh %(loader)s load

[Install]
WantedBy=sysinit.target
"""

_CHECK = """\
# Written by the Ansible collection alicloud.imds.
[Unit]
Description=Check of the firewall rules for the ECS instance metadata service
Documentation=https://github.com/alicloud-imds/alicloud.imds
After=%(unit)s
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/bin/sh %(loader)s check
# By default, a check that hangs would prevent all later ones.
TimeoutStartSec=60
# In a container with control groups v1, systemd waits this long although all processes have ended.
TimeoutStopSec=5
# No messages about each start and end
LogLevelMax=notice
"""

_TIMER = """\
# Written by the Ansible collection alicloud.imds.
[Unit]
Description=Periodic check of the firewall rules for the ECS instance metadata service
Documentation=https://github.com/alicloud-imds/alicloud.imds

[Timer]
OnBootSec=30s
OnUnitActiveSec=30s
AccuracySec=1s
Unit=%(check)s

[Install]
WantedBy=timers.target
"""

# The nftables.service of most distributions flushes the whole ruleset when it starts, stops and reloads.
_AFTER_FLUSH = """\
# Written by the Ansible collection alicloud.imds: this unit flushes all rules, so load those of the fence again.
[Service]
ExecStartPost=-/bin/sh %(loader)s load
ExecReload=-/bin/sh %(loader)s load
ExecStopPost=-/bin/sh %(loader)s load
"""


class Places(t.NamedTuple):
    """The paths that the loader uses: the program nft, both files of rules, the stored listing and the record of repairs."""

    nft: str
    rules: str
    egress_rules: str
    listing: str
    repairs: str


def loader(places: Places, sys: str, proc: str) -> str:
    """Return the shell script that loads the rules and checks them."""
    tables = {"table": _rules.TABLE, "egress_table": _rules.EGRESS_TABLE, "devices": _rules.DEVICES}
    limits = {"changed": CHANGED, "older": MOST_REPAIRS - 1}
    return _LOADER % dict(places._asdict(), sys=sys, proc=proc, **tables, **limits)


def service(loader_path: str) -> str:
    """Return the unit that loads the rules before the network starts."""
    return _SERVICE % {"loader": loader_path}


def check_service(loader_path: str) -> str:
    """Return the unit that loads the rules again if another program removed or changed them."""
    return _CHECK % {"loader": loader_path, "unit": UNIT}


def timer() -> str:
    """Return the timer that starts the check every 30 s."""
    return _TIMER % {"check": CHECK_UNIT}


def after_flush(loader_path: str) -> str:
    """Return the drop-in for nftables.service."""
    return _AFTER_FLUSH % {"loader": loader_path}
