# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Render the nftables rules of the fence and the drop-in of a denied unit, and parse what nft lists. Pure.

Why the rules are as they are:

* They judge only the packet that opens a connection. Later packets may have no socket any more, because the program has ended,
  and then the kernel knows no owner.
* They match only tcp/80 of the metadata service's addresses: name servers, time servers and mirrors of Alibaba Cloud share
  100.64.0.0/10 with it.
* They judge every fragment to these addresses, because a small fragment can hide the TCP flags. Connection tracking reassembles
  fragments before these rules, but not every host uses it. No program on the host sends fragments to the service.
* They reject packets rather than drop them, so that a refused program fails at once, as at a closed port. For IPv4 they send no
  TCP reset, because it would seem to come from the service's address, and would be lost in a unit with IPAddressDeny=. For IPv6
  they do: Linux ignores an ICMPv6 message that arrives while the first packet is being sent, and all programs would wait for a second
  (with IPv4, only those with a blocking `connect`).
* The policy ``accept`` never overrides another firewall: what firewalld, ufw or docker refuse stays refused.
* User and group IDs are written into the rules, not into named sets, so that a listing shows whether they were changed.
* Priorities are numbers, which all versions of nft accept.

Packets of macvlan and ipvlan devices, and of ports of a bridge with a network card, never pass the hooks output and forward. They
pass the egress hook of the network card (Linux 5.16, nftables 1.0.1), which has a table of its own. Its chain returns packets with
a source address of this host, because the hooks output and forward judged those. It drops packets: the hook cannot reject them.
"""

import re
import typing as t

from .._imds._service import ADDRESS, ADDRESS_IPV6, PORT

TABLE = "inet alicloud_imds"
EGRESS_TABLE = "netdev alicloud_imds"
# The loader replaces it with the names of network cards.
DEVICES = "@DEVICES@"
OFF, AUDIT, ENFORCE = "off", "audit", "enforce"
MODES = (OFF, AUDIT, ENFORCE)
MOST_USERS = 4096  # elements of the set of refused users

_UNIT_NAME = re.compile(r"[A-Za-z0-9:_.\\-]+(@[A-Za-z0-9:_.\\-]*)?\.(service|socket|slice|scope)\Z")

_RULES = """\
# Written by the Ansible collection alicloud.imds: the users that may connect to the metadata service.
table %(table)s
delete table %(table)s
table %(table)s {
    set refused {
        type uid
        size %(size)d
        flags dynamic
    }

    chain output {
        type filter hook output priority 0; policy accept;
%(to_local)s
    }

    chain forward {
        type filter hook forward priority 0; policy accept;
%(to_forwarded)s
    }

    chain local {
%(owners)s
        add @refused { meta skuid counter }
        meta skuid != @refused counter
        limit rate 10/minute burst 20 packets log prefix "%(prefix)s" flags skuid
%(verdicts)s
    }

    chain forwarded {
%(sources)s
        limit rate 10/minute burst 20 packets log prefix "%(prefix)s"
%(verdicts)s
    }
}
"""

_EGRESS_RULES = """\
# Written by the Ansible collection alicloud.imds: the connections that do not pass the hooks output and forward of the IP layer.
table %(table)s
delete table %(table)s
table %(table)s {
    chain egress {
        type filter hook egress devices = { %(devices)s } priority 0; policy accept;
%(to_direct)s
    }

    chain direct {
%(owners)s
%(sources)s
        fib saddr type local return
        limit rate 10/minute burst 20 packets log prefix "%(prefix)s"
        counter %(verdict)s
    }
}
"""

# Fragments first: a rule with `tcp` reads no fragment but the first.
_NEW_CONNECTIONS = """\
        ip daddr %(address)s ip frag-off & 0x3fff != 0 jump %(chain)s
        ip daddr %(address)s tcp dport %(port)d tcp flags & (syn | ack) == syn jump %(chain)s
        ip6 daddr %(address_ipv6)s exthdr frag exists jump %(chain)s
        ip6 daddr %(address_ipv6)s tcp dport %(port)d tcp flags & (syn | ack) == syn jump %(chain)s"""

# A fragment has no TCP header that a reset could answer.
_REJECT = ("meta nfproto ipv6 meta l4proto tcp counter reject with tcp reset", "counter reject")

_DENY = """\
# Written by the Ansible collection alicloud.imds: no process of this unit may reach the metadata service.
[%(section)s]
IPAddressDeny=%(address)s/32 %(address_ipv6)s/128
"""


class Allowed(t.NamedTuple):
    """The user and group IDs of this host (root must be among them) and the networks behind it that may open connections."""

    uids: t.Sequence[int]
    gids: t.Sequence[int]
    sources: t.Sequence[str]


class Counted(t.NamedTuple):
    """Refused connections: by user ID, of ``others`` after the set of users was full, ``forwarded``, and ``direct`` (egress hook)."""

    users: t.Dict[int, int]
    others: int
    forwarded: int
    direct: int


def rules(mode: str, allowed: Allowed) -> str:
    """Return the rules as a file for ``nft -f``, which replaces an earlier version of the table in one step."""
    return _RULES % {
        "table": TABLE,
        "size": MOST_USERS,
        "to_local": _new_connections("local"),
        "to_forwarded": _new_connections("forwarded"),
        "owners": _owners(allowed),
        "sources": _sources(allowed),
        "prefix": _prefix(mode),
        "verdicts": _indented(_REJECT if mode == ENFORCE else ["counter accept"]),
    }


def egress_rules(mode: str, allowed: Allowed, devices: str = DEVICES) -> str:
    """Return the rules of the egress hook. *devices* are the quoted names of network cards, separated by commas."""
    return _EGRESS_RULES % {
        "table": EGRESS_TABLE,
        "devices": devices,
        "to_direct": _new_connections("direct"),
        "owners": _owners(allowed),
        "sources": _sources(allowed),
        "prefix": _prefix(mode),
        "verdict": "drop" if mode == ENFORCE else "accept",
    }


def _new_connections(chain: str) -> str:
    return _NEW_CONNECTIONS % {"address": ADDRESS, "address_ipv6": ADDRESS_IPV6, "port": PORT, "chain": chain}


def _owners(allowed: Allowed) -> str:
    lines = ["meta skuid { %s } counter return" % _list(allowed.uids)]
    if allowed.gids:
        lines.append("meta skgid { %s } counter return" % _list(allowed.gids))
    return _indented(lines)


def _sources(allowed: Allowed) -> str:
    lines = []
    for family, found in (
        ("ip", [it for it in allowed.sources if ":" not in it]),
        ("ip6", [it for it in allowed.sources if ":" in it]),
    ):
        if found:
            lines.append("%s saddr { %s } counter return" % (family, ", ".join(found)))
    return _indented(lines or ["# no network behind this host is allowed"])


def _indented(lines: t.Iterable[str]) -> str:
    return "\n".join(" " * 8 + line for line in lines)


def _prefix(mode: str) -> str:
    return "alicloud-imds fence %s: " % ("refused" if mode == ENFORCE else "would refuse")


def _list(numbers: t.Sequence[int]) -> str:
    return ", ".join(map(str, sorted(set(numbers))))


def counted(listing: str) -> Counted:
    """Return the counters in what ``nft list table`` prints for both tables.

    It reads the text, because nft can be built without JSON.
    """
    users = {}
    elements = re.search(r"elements = \{([^}]*)\}", _block(listing, "set refused"))
    for element in elements.group(1).split(",") if elements else ():
        found = re.match(r"\s*(\d+)\b.*\bcounter packets (\d+)", element, re.DOTALL)
        if found:
            users[int(found.group(1))] = int(found.group(2))
    return Counted(
        users,
        _sum(r"@refused counter packets (\d+)", _block(listing, "chain local")),
        _sum(_VERDICT, _block(listing, "chain forwarded")),
        _sum(_VERDICT, _block(listing, "chain direct")),
    )


_VERDICT = r"counter packets (\d+) bytes \d+ (?:accept|reject|drop)"


def _block(listing: str, head: str) -> str:
    """Return the text of a set or chain, up to the brace at the start of its last line."""
    found = re.search(r"^\s*%s \{(.*?)^\t\}$" % re.escape(head), listing, re.DOTALL | re.MULTILINE)
    return found.group(1) if found else ""


def _sum(pattern: str, text: str) -> int:
    return sum(map(int, re.findall(pattern, text)))


def check_unit_name(unit: str) -> str:
    """Return the type of *unit*, such as "service"; raise ValueError for an invalid unit name."""
    found = _UNIT_NAME.match(unit)
    if not found:
        raise ValueError("%r in 'deny_services' is not a unit name such as nginx.service." % unit)
    return found.group(2)


def deny(unit: str) -> str:
    """Return the drop-in that denies all processes of *unit* the addresses; raise ValueError for an invalid unit name."""
    section = check_unit_name(unit).capitalize()
    return _DENY % {"section": section, "address": ADDRESS, "address_ipv6": ADDRESS_IPV6}
