# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a caller loses if its normal-mode requests are refused, by the classes of paths that it reads. No I/O."""

import typing as t

from .._imds._service import ROLE_CREDENTIALS
from ._vocabulary import NORMAL_MODE, UNPARSABLE

CREDENTIALS = "credentials of the instance RAM role"
UNKNOWN = "unknown metadata"
# The most important first.
_LOSSES = (
    (CREDENTIALS, frozenset([ROLE_CREDENTIALS, ROLE_CREDENTIALS + "*"])),
    ("user data", frozenset(["user-data", "vendor-data"])),
    ("SSH keys", frozenset(["public-keys/*"])),
    ("identity document", frozenset(["dynamic/*"])),
    ("maintenance and release events", frozenset(["maintenance/*", "instance/*", "hibernation/*"])),
    (
        "network settings",
        frozenset(
            """dns-conf/* eipv4 mac network-type network/* ntp-conf/* private-ipv4 public-ipv4 source-address
            sub-private-ipv4-list vpc-cidr-block vpc-id vswitch-cidr-block vswitch-id""".split()
        ),
    ),
    (
        "names and IDs of the instance",
        frozenset("hostname image-id instance-id owner-account-id region-id serial-number zone-id".split()),
    ),
    ("tags", frozenset(["tags/*"])),
)
_OTHERS = "other metadata"


def losses(paths: t.Iterable[str]) -> t.List[str]:
    """Return what these classes of paths hold, the most important first."""
    left, found = set(paths), []
    for name, classes in _LOSSES:
        if left & classes:
            found.append(name)
            left -= classes
    unknown = left & {"other", "-", "unknown"}
    return found + ([_OTHERS] if left - unknown else []) + ([UNKNOWN] if unknown else [])


def would_lose(requests: t.Iterable[t.Mapping[str, t.Any]]) -> t.List[str]:
    """Return what a caller with these *requests* loses; requests that are known noise are repeated with a token."""
    return losses(row["path"] for row in requests if row["mode"] in (NORMAL_MODE, UNPARSABLE) and not row.get("noise"))
