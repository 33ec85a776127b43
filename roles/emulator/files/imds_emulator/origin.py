# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide whether a request to the admin API may come from a web page of another site.

A browser on this machine can send requests to loopback addresses for any page. DNS rebinding gives such a page a host name that
resolves to 127.0.0.1; then the Host header has that name.
"""

from __future__ import annotations

import re
import typing as t

from .address import is_loopback

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+))(?::[0-9]{1,5})?")


def foreign(headers: t.Mapping[str, str]) -> t.Optional[str]:
    """Return which header shows that a request is from another site, or None.

    HTTP/1.0 clients without a Host header are accepted: every browser sends one.
    """
    host = headers.get("host")
    if host is not None and not _is_loopback(host):
        return "Host"
    origin = headers.get("origin")
    if origin is not None and origin.lower() != "http://" + (host or "").lower():
        return "Origin"
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return "Sec-Fetch-Site"
    return None


def _is_loopback(host: str) -> bool:
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = found.group(1) or found.group(2)
    try:
        return name.lower() == "localhost" or is_loopback(name)
    except ValueError:  # a host name, which may resolve to anything
        return False
