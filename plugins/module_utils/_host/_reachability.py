# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check that adjacent services stay reachable while the fence changes.

Name servers, time servers, package mirrors and KMS of Alibaba Cloud share 100.64.0.0/10 with the metadata service, so a rule
that matches too much would cut the host off from them. Connections are tried before and after a change, as a user without
privileges, and only a connection that the change made worse counts. A busy host answers late, so a service that was connected before
has more time after the change.
"""

import ipaddress
import os
import pwd
import re
import socket
import typing as t

from ._as_user import as_user
from ._subprocess import HostError

DEFAULT = ("100.100.2.136:53", "100.100.2.138:53")
_TIMEOUT, _PATIENCE = 0.5, 10.0
# Time for a busy host to start and end the process of the other user.
_GRACE = 30.0
_UNPRIVILEGED_USER = "nobody"
_CONNECTED, _REFUSED = "connected", "refused"
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?\Z")


def require_valid(addresses: t.Sequence[str]) -> None:
    """Raise HostError if one of *addresses* is not HOST:PORT. An IPv6 address is in brackets."""
    for address in addresses:
        try:
            _parse(address)
        except ValueError as exc:
            raise HostError(
                "%r in 'adjacent_services' (the role's hardening_fence_adjacent_services) is not an address such as"
                " 100.100.2.136:53 or [fd00::1]:53: %s." % (address, exc)
            ) from exc


def probe(addresses: t.Sequence[str], before: t.Optional[t.Mapping[str, str]] = None) -> t.Dict[str, str]:
    """Connect to each of *addresses* (HOST:PORT) and return the results. *before* are those before the change.

    A result is "connected", "refused", "silent" (timeout), or the system's message for another error. It is empty if the host
    has no user without privileges that could try.
    """
    try:
        pwd.getpwnam(_UNPRIVILEGED_USER)
    except KeyError:
        return {}
    seconds = {it: _PATIENCE if (before or {}).get(it) == _CONNECTED else _TIMEOUT for it in addresses}

    def connect() -> t.Dict[str, str]:
        return {address: _connect(address, limit) for address, limit in seconds.items()}

    if os.geteuid() != 0:
        return connect()
    results: t.Dict[str, str] = as_user(_UNPRIVILEGED_USER, connect, sum(seconds.values()) + _GRACE)
    return results


def require_unchanged(before: t.Mapping[str, str], after: t.Mapping[str, str]) -> None:
    """Raise HostError if an address that was connected *before* is not *after*, or is refused only *after*."""
    worse = ["%s (%s, now %s)" % (it, before[it], after[it]) for it in before if _worse(before[it], after.get(it, ""))]
    if worse:
        raise HostError(
            "The fence made these addresses unreachable: %s. The change was rolled back. Check whether other firewall"
            " rules changed at the same time, or remove the addresses from 'adjacent_services'." % "; ".join(worse)
        )


def _worse(before: str, after: str) -> bool:
    # The fence rejects connections, which looks like a closed port. A service that never answered may go on being silent.
    return after != _CONNECTED if before == _CONNECTED else (after == _REFUSED and before != _REFUSED)


def _parse(address: str) -> t.Tuple[str, int]:
    """Return host and port; raise ValueError with the reason for an invalid address."""
    host, colon, port = address.rpartition(":")
    if not colon:
        raise ValueError("it has no port")
    if not re.match(r"[0-9]{1,5}\Z", port) or not 0 < int(port) < 65536:
        raise ValueError("the port is not a number from 1 to 65535")
    if host.startswith("[") or host.endswith("]") or ":" in host:
        if not (host.startswith("[") and host.endswith("]")):
            raise ValueError("an IPv6 address must be in brackets")
        return str(ipaddress.IPv6Address(host[1:-1])), int(port)
    if re.match(r"[0-9.]+\Z", host):
        return str(ipaddress.IPv4Address(host)), int(port)
    if not _HOST_NAME.match(host):
        raise ValueError("the host is neither an IP address nor a host name")
    return host, int(port)


def _connect(address: str, seconds: float) -> str:
    try:
        socket.create_connection(_parse(address), seconds).close()
    except socket.timeout:
        return "silent"
    except ConnectionRefusedError:
        return _REFUSED
    except OSError as exc:
        return exc.strerror or type(exc).__name__
    return _CONNECTED
