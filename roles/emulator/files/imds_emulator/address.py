# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What does an address such as ``127.0.0.1:8100`` or ``[::1]:8100`` mean?"""

from __future__ import annotations

import ipaddress
import typing as t


def parse_address(text: t.Any) -> t.Tuple[str, int]:
    """``(address, port)``. Raises ValueError. Only IP addresses: no name is ever looked up."""
    host, colon, port = str(text).rpartition(":")
    try:
        host = str(ipaddress.ip_address(host.strip("[]")))
        number = int(port) if port.isdigit() else -1
    except ValueError:
        number = -1
    if not colon or not 0 <= number <= 65535:
        raise ValueError("%r is not an address and port such as 127.0.0.1:8100 or [::1]:8100" % (text,))
    return host, number


def format_address(host: str, port: int) -> str:
    return "[%s]:%d" % (host, port) if ":" in host else "%s:%d" % (host, port)


def is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback
