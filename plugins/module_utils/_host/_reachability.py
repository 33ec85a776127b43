# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Can this host still reach what shares 100.64.0.0/10 with the metadata service? Private to the collection.

Name servers, time servers, mirrors and KMS have addresses there, and a rule that is a little too wide would cut a host off.
So some of them are tried before and after, by a user without privileges, and only a difference counts.
"""

from __future__ import annotations

import os
import pwd
import socket
import typing as t

from ._as_user import as_user
from ._subprocess import HostError

DEFAULT = ("100.100.2.136:53", "100.100.2.138:53")
_SECONDS = 0.5
_SOMEBODY = "nobody"


def look(addresses: t.Sequence[str]) -> t.Dict[str, str]:
    """How a connection to each *address* (HOST:PORT) ends: "connected", "silent", or the system's word for the failure."""
    try:
        pwd.getpwnam(_SOMEBODY)
    except KeyError:
        return {}
    if os.geteuid() != 0:
        return {address: _connect(address) for address in addresses}
    answer: t.Dict[str, str] = as_user(_SOMEBODY, lambda: {address: _connect(address) for address in addresses})
    return answer


def compare(before: t.Mapping[str, str], after: t.Mapping[str, str]) -> None:
    """Raise HostError where an address got worse."""
    worse = ["%s (%s, now %s)" % (it, before[it], after[it]) for it in before if _worse(before[it], after.get(it, ""))]
    if worse:
        raise HostError(
            "With the fence up, this host does not reach as before: %s. Nothing was kept." % "; ".join(worse)
        )


def _worse(before: str, after: str) -> bool:
    # what the fence refuses looks like a closed port; silence has other reasons
    return after == "refused" and before != "refused"


def _connect(address: str) -> str:
    host, _colon, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), _SECONDS).close()
    except socket.timeout:
        return "silent"
    except ConnectionRefusedError:
        return "refused"
    except OSError as exc:
        return exc.strerror or type(exc).__name__
    return "connected"
