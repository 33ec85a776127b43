# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the URLs of endpoints, which receive signed requests. No I/O."""

import ipaddress
from urllib.parse import urlsplit


def check_endpoint(url: str, option: str) -> str:
    """Return *url* without a trailing slash; raise ValueError, naming *option*, if it must not receive credentials."""
    parts = urlsplit(url.replace("{region}", "region"))
    host = parts.hostname or ""
    shown = "(not shown)" if "@" in url else repr(url)  # the part before an @ may be a password
    if parts.scheme not in ("http", "https") or not host or parts.path.strip("/") or "@" in url or parts.query:
        raise ValueError("the endpoint %s in %s must be https://HOST or https://HOST:PORT" % (shown, option))
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError(
            "the endpoint %s in %s must be https://; http:// is permitted only for loopback addresses" % (shown, option)
        )
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
