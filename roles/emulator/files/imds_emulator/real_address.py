# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Add the addresses of the metadata service to `lo` with netlink; no external tool is needed.

These are 100.100.100.200/32 and, unless IPv6 is disabled on the host, fd00:100::100:200/128.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import typing as t

IPV4, IPV6 = "100.100.100.200", "fd00:100::100:200"
_NEW, _DELETE, _GET = 20, 21, 22  # RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR
_ERROR, _DONE = 2, 3  # NLMSG_ERROR (also the acknowledgment), NLMSG_DONE
_REQUEST, _ACKNOWLEDGE, _DUMP, _CREATE_EXCLUSIVE = 0x1, 0x4, 0x300, 0x600
_ADDRESS, _LOCAL = 1, 2  # IFA_ADDRESS, IFA_LOCAL
_HOST_SCOPE = 254
_NO_DUPLICATE_DETECTION = 0x02  # IFA_F_NODAD
_NO_IPV6 = {errno.EACCES, errno.EAFNOSUPPORT, errno.EOPNOTSUPP}  # disabled on lo, or not in the kernel


def run(action: str, marker: t.Optional[str] = None) -> int:
    """Run an action and return the exit status.

    `add` and `remove` print each change. `show` returns 0 if `add` would change nothing, else 1. With a *marker* file,
    in which `add` lists the addresses that it adds, `remove` keeps an address that was added by something else.

    Raises: OSError.
    """
    if action == "show":
        return 0 if is_here(IPV4) and (is_here(IPV6) or not has_ipv6()) else 1
    if action == "add":
        for address in (IPV4, IPV6):
            if not is_here(address) and _add(address):
                _record(marker, address)
                print("added %s to lo" % address)
        return 0
    for address in (IPV4, IPV6) if marker is None else _recorded(marker):
        if _change(_DELETE, 0, address, {errno.EADDRNOTAVAIL, *_NO_IPV6} if address == IPV6 else {errno.EADDRNOTAVAIL}):
            print("removed %s from lo" % address)
    if marker and os.path.exists(marker):
        os.unlink(marker)
    return 0


def listen_addresses() -> t.List[str]:
    """Return ADDRESS:PORT of the service: the IPv4 address, and the IPv6 address if the host has it."""
    return [IPV4 + ":80"] + (["[%s]:80" % IPV6] if is_here(IPV6) else [])


def is_here(address: str) -> bool:
    """Return whether any interface has the address."""
    family, packed = _packed(address)
    answer = _request(_GET, _DUMP, struct.pack("=BBBBi", family, 0, 0, 0, 0))
    head = 4 + len(packed)
    return any(struct.pack("=HH", head, attribute) + packed in answer for attribute in (_LOCAL, _ADDRESS))


def has_ipv6() -> bool:
    """Return whether IPv6 is enabled on `lo`, which has the address ::1 then."""
    return is_here("::1")


def _add(address: str) -> bool:
    return _change(_NEW, _CREATE_EXCLUSIVE, address, {errno.EEXIST, *(_NO_IPV6 if address == IPV6 else ())})


def _record(marker: t.Optional[str], address: str) -> None:
    if marker:
        descriptor = os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, (address + "\n").encode("ascii"))
        finally:
            os.close(descriptor)


def _recorded(marker: str) -> t.List[str]:
    """Return the addresses that the marker lists; that of an earlier version is empty and means the IPv4 address."""
    try:
        with open(marker, encoding="ascii") as stream:
            lines = stream.read().split()
    except FileNotFoundError:
        return []
    return [address for address in (IPV4, IPV6) if address in lines or not lines and address == IPV4]


def _packed(address: str) -> t.Tuple[int, bytes]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.inet_pton(family, address)


def _change(message: int, flags: int, address: str, harmless: t.Set[int]) -> bool:
    """Add or delete the address; return False if nothing changed for one of the *harmless* reasons.

    Raises: OSError with the kernel's error.
    """
    family, packed = _packed(address)
    lo = socket.if_nametoindex("lo")
    body = struct.pack("=BBBBi", family, len(packed) * 8, _NO_DUPLICATE_DETECTION, _HOST_SCOPE, lo)
    for attribute in (_ADDRESS, _LOCAL):
        body += struct.pack("=HH", 4 + len(packed), attribute) + packed
    answer = _request(message, flags | _ACKNOWLEDGE, body)
    code: int = -struct.unpack_from("=i", answer, 16)[0]
    if code and code not in harmless:
        raise OSError(code, "cannot change %s on lo: %s" % (address, os.strerror(code)))
    return code == 0


def _request(message: int, flags: int, body: bytes) -> bytes:
    """Send a netlink request; return the kernel's messages up to the acknowledgment or the end of the dump."""
    answer = b""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.bind((0, 0))
        sock.send(struct.pack("=IHHII", 16 + len(body), message, flags | _REQUEST, 1, 0) + body)
        while True:
            part = sock.recv(65536)
            answer += part
            if _is_last(part):
                return answer


def _is_last(part: bytes) -> bool:
    at = 0
    while at < len(part):
        length, kind = struct.unpack_from("=IH", part, at)
        if kind in (_ERROR, _DONE):
            return True
        at += (length + 3) & ~3
    return False
