# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Add the address of the metadata service, 100.100.100.200/32, to `lo` with netlink; no external tool is needed."""

from __future__ import annotations

import errno
import os
import socket
import struct
import typing as t

ADDRESS = "100.100.100.200"
_NEW, _DELETE, _GET = 20, 21, 22  # RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR
_ERROR, _DONE = 2, 3  # NLMSG_ERROR (also the acknowledgment), NLMSG_DONE
_REQUEST, _ACKNOWLEDGE, _DUMP, _CREATE_EXCLUSIVE = 0x1, 0x4, 0x300, 0x600
_ADDRESS, _LOCAL = 1, 2  # IFA_ADDRESS, IFA_LOCAL
_HOST_SCOPE = 254


def run(action: str, marker: t.Optional[str] = None) -> int:
    """Run an action and return the exit status.

    `add` and `remove` print the change, if any. `show` returns 0 if the host has the address, else 1. With a *marker*
    file, which `add` creates if it adds the address, `remove` keeps an address that was added by something else.

    Raises: OSError.
    """
    if action == "show":
        return 0 if is_here() else 1
    if action == "add":
        if not is_here() and _change(_NEW, _CREATE_EXCLUSIVE, errno.EEXIST):
            if marker:
                os.close(os.open(marker, os.O_WRONLY | os.O_CREAT, 0o600))
            print("added %s to lo" % ADDRESS)
        return 0
    if marker and not os.path.exists(marker):
        return 0
    if _change(_DELETE, 0, errno.EADDRNOTAVAIL):
        print("removed %s from lo" % ADDRESS)
    if marker:
        os.unlink(marker)
    return 0


def is_here() -> bool:
    """Return whether any interface has the address."""
    answer = _request(_GET, _DUMP, struct.pack("=BBBBi", socket.AF_INET, 0, 0, 0, 0))
    return struct.pack("=HH", 8, _LOCAL) + socket.inet_aton(ADDRESS) in answer


def _change(message: int, flags: int, harmless: int) -> bool:
    """Add or delete the address; return False if nothing had to change.

    Raises: OSError with the kernel's error.
    """
    body = struct.pack("=BBBBi", socket.AF_INET, 32, 0, _HOST_SCOPE, socket.if_nametoindex("lo"))
    for attribute in (_ADDRESS, _LOCAL):
        body += struct.pack("=HH", 8, attribute) + socket.inet_aton(ADDRESS)
    answer = _request(message, flags | _ACKNOWLEDGE, body)
    code: int = -struct.unpack_from("=i", answer, 16)[0]
    if code and code != harmless:
        raise OSError(code, "cannot change %s on lo: %s" % (ADDRESS, os.strerror(code)))
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
