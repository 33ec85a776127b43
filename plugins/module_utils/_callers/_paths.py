# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Classify request targets into a closed set of names.

The classes hold nothing that the caller chose: role names, tag keys and MAC addresses become a star, unknown paths become
``other``, and the query string is ignored.
"""

import typing as t
from urllib.parse import unquote

from .._imds._service import ROLE_CREDENTIALS, TOKEN, TOKEN_PATH, VERSIONS

OTHER = "other"
NO_PATH = "-"  # the class of unparsable requests

_LEAVES = frozenset(
    """all eipv4 hostname image-id instance-id kms-server launch-index mac network-type owner-account-id private-ipv4
    public-ipv4 region-id zone-id serial-number source-address sub-private-ipv4-list vpc-id vpc-cidr-block vswitch-id
    vswitch-cidr-block""".split()
)
_DIRECTORIES = frozenset(
    "disks dns-conf hibernation image instance network ntp-conf public-keys ram tags wsus-server".split()
)
_TREES = frozenset(("dynamic", "global-config", "maintenance"))


def path_class(target: str) -> str:
    """Return the class of a request target, such as ``instance-id``, ``tags/*`` or ``other``."""
    path = unquote(target.partition("?")[0].partition("#")[0]).lower()
    if "://" in path[:8]:
        path = "/" + path.partition("://")[2].partition("/")[2]
    path = _normalized(path)
    version, _slash, rest = path.lstrip("/").partition("/")
    if version and version not in VERSIONS:
        return OTHER
    top, _slash, item = rest.partition("/")
    if rest.strip("/") == TOKEN:
        return TOKEN
    if top == "meta-data":
        return _item(item)
    if top in ("user-data", "vendor-data"):
        return top if not item else OTHER
    if top in _TREES:
        return top + "/*"
    return OTHER if top else "/"


def is_token_path(target: str) -> bool:
    """Return whether this is the target of token requests."""
    return target.partition("?")[0].partition("#")[0].rstrip("/") == TOKEN_PATH


def _normalized(path: str) -> str:
    """Return the path without empty and dot segments, as servers resolve it: ``//latest/./meta-data/`` is ``/latest/meta-data/``."""
    kept: t.List[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    end = "/" if kept and segments[-1] in ("", ".", "..") else ""
    return "/" + "/".join(kept) + end if path.startswith("/") else "/".join(kept) + end


def _item(item: str) -> str:
    name, _slash, rest = item.partition("/")
    if not item.strip("/"):
        return "meta-data/"
    if item.startswith(ROLE_CREDENTIALS.rstrip("/")):
        return ROLE_CREDENTIALS + "*" if item[len(ROLE_CREDENTIALS) :] else ROLE_CREDENTIALS
    if name in _LEAVES and not rest:
        return name
    return name + "/*" if name in _DIRECTORIES else OTHER


def every_class() -> t.FrozenSet[str]:
    """Return all classes: the results of `path_class`, and `NO_PATH`."""
    names = {TOKEN, OTHER, NO_PATH, "/", "meta-data/", "user-data", "vendor-data"}
    names |= {ROLE_CREDENTIALS, ROLE_CREDENTIALS + "*"}
    return frozenset(names | _LEAVES | {name + "/*" for name in _DIRECTORIES | _TREES})
