# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Render the texts that the fence consists of: nftables rules, the unit that loads them, and drop-ins. Pure.

Why the rules are as they are:

* They judge only the packet that opens a connection. Later packets may have no socket any more, because the program has ended,
  and then the kernel knows no owner.
* They match only tcp/80 of the metadata service's address: name servers, time servers and mirrors of Alibaba Cloud share
  100.64.0.0/10 with it.
* They reject packets rather than drop them, so that a refused program fails at once, as at a closed port. They do not send a TCP
  reset, because it would seem to come from the service's address, and would be lost in a unit with IPAddressDeny=.
* The policy ``accept`` never overrides another firewall: what firewalld, ufw or docker refuse stays refused.
* User and group IDs are written into the rules, not into named sets, so that a listing shows whether they were changed.
"""

import re
import typing as t

from .._imds._service import ADDRESS, PORT

TABLE = "inet alicloud_imds"
UNIT = "alicloud-imds-fence.service"
OFF, AUDIT, ENFORCE = "off", "audit", "enforce"
MODES = (OFF, AUDIT, ENFORCE)

_UNIT_NAME = re.compile(r"[A-Za-z0-9:_.\\-]+(@[A-Za-z0-9:_.\\-]*)?\.(service|socket|slice|scope)\Z")

_RULES = """\
# Written by the Ansible collection alicloud.imds: the users that may connect to the metadata service. Loaded by %(unit)s.
table %(table)s
delete table %(table)s
table %(table)s {
    set refused {
        type uid
        size 4096
        flags dynamic
    }

    chain output {
        type filter hook output priority filter; policy accept;
        ip daddr %(address)s tcp dport %(port)d tcp flags & (syn | ack) == syn jump local
    }

    chain forward {
        type filter hook forward priority filter; policy accept;
        ip daddr %(address)s tcp dport %(port)d tcp flags & (syn | ack) == syn jump forwarded
    }

    chain local {
%(allowed)s
        add @refused { meta skuid counter }
        limit rate 10/minute burst 20 packets log prefix "%(prefix)s" flags skuid
        counter %(verdict)s
    }

    chain forwarded {
%(sources)s
        limit rate 10/minute burst 20 packets log prefix "%(prefix)s"
        counter %(verdict)s
    }
}
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

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=%(nft)s -f %(rules)s
ExecStartPost=/bin/sh -c 'umask 077; %(nft)s -s -t list table %(table)s >%(listing)s'
ExecReload=%(nft)s -f %(rules)s
ExecStop=-%(nft)s delete table %(table)s

[Install]
WantedBy=sysinit.target
"""

# The nftables.service of most distributions flushes the whole ruleset when it starts, stops and reloads.
_AFTER_FLUSH = """\
# Written by the Ansible collection alicloud.imds: this unit flushes all rules, so load those of the fence again.
[Service]
ExecStartPost=-%(nft)s -f %(rules)s
ExecReload=-%(nft)s -f %(rules)s
ExecStopPost=-%(nft)s -f %(rules)s
"""

_DENY = """\
# Written by the Ansible collection alicloud.imds: no process of this unit may reach the metadata service.
[%(section)s]
IPAddressDeny=%(address)s/32
"""


class Allowed(t.NamedTuple):
    """The user and group IDs of this host (root must be among them) and the networks behind it that may open connections."""

    uids: t.Sequence[int]
    gids: t.Sequence[int]
    sources: t.Sequence[str]


def rules(mode: str, allowed: Allowed) -> str:
    """Return the rules as a file for ``nft -f``, which replaces an earlier version of the table in one step."""
    passes = ["meta skuid { %s } counter return" % _list(allowed.uids)]
    if allowed.gids:
        passes.append("meta skgid { %s } counter return" % _list(allowed.gids))
    sources = ["ip saddr { %s } counter return" % ", ".join(allowed.sources)] if allowed.sources else []
    return _RULES % {
        "unit": UNIT,
        "table": TABLE,
        "address": ADDRESS,
        "port": PORT,
        "allowed": "\n".join(" " * 8 + line for line in passes),
        "sources": "\n".join(" " * 8 + line for line in sources)
        or " " * 8 + "# no network behind this host is allowed",
        "prefix": "alicloud-imds fence %s: " % ("refused" if mode == ENFORCE else "would refuse"),
        "verdict": "reject" if mode == ENFORCE else "accept",
    }


def service(nft: str, rules_path: str, listing_path: str) -> str:
    """Return the unit that loads the rules before the network starts, and removes them when it is stopped.

    It writes the kernel's listing of the loaded table to *listing_path*.
    """
    return _SERVICE % {"nft": nft, "rules": rules_path, "table": TABLE, "listing": listing_path}


def after_flush(nft: str, rules_path: str) -> str:
    """Return the drop-in for nftables.service."""
    return _AFTER_FLUSH % {"nft": nft, "rules": rules_path}


def deny(unit: str) -> str:
    """Return the drop-in that denies all processes of *unit* the address; raise ValueError for an invalid unit name."""
    found = _UNIT_NAME.match(unit)
    if not found:
        raise ValueError("%r in 'deny_services' is not a unit name such as nginx.service." % unit)
    return _DENY % {"section": found.group(2).capitalize(), "address": ADDRESS}


def _list(numbers: t.Sequence[int]) -> str:
    return ", ".join(map(str, sorted(set(numbers))))
