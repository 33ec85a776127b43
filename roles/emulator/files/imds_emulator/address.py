# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse and format socket addresses such as `127.0.0.1:8100` and `[::1]:8100`."""

from __future__ import annotations

import ipaddress
import typing as t


def parse_address(text: t.Any) -> t.Tuple[str, int]:
    """Return (IP address, port). Host names are not resolved.

    Raises: ValueError.
    """
    host, colon, port = str(text).rpartition(":")
    try:
        host = str(ipaddress.ip_address(host.strip("[]")))
        number = int(port) if port.isdigit() else -1
    except ValueError:
        number = -1
    if not colon or not 0 <= number <= 65535:
        raise ValueError("%r is not an IP address and port. Examples: 127.0.0.1:8100, [::1]:8100" % (text,))
    return host, number


def format_address(host: str, port: int) -> str:
    """Return ADDRESS:PORT, with IPv6 addresses in brackets."""
    return "[%s]:%d" % (host, port) if ":" in host else "%s:%d" % (host, port)


def client_address(host: str) -> str:
    """Return the address of a client in its usual form: an IPv4 client of an IPv6 socket has its IPv4 address."""
    address = ipaddress.ip_address(host.partition("%")[0])
    return str(getattr(address, "ipv4_mapped", None) or address)


def is_loopback(host: str) -> bool:
    """Return whether an IP address is a loopback address."""
    return ipaddress.ip_address(host).is_loopback
