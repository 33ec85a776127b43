# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chosen paths to values, for the lookup and for metadata_info. This module util is private to the collection."""

from __future__ import annotations

import base64
import json
import typing as t

from . import _errors
from ._client import Client
from ._secrets import register_secret
from ._service import ROLE_CREDENTIALS
from ._tree import is_secret, parse_listing, resolve
from ._walk import work_off


def read_paths(client: Client, paths: t.Sequence[str]) -> t.List[t.Optional[bytes]]:
    """The answers to *paths*, in their order; None for an item that is absent. Each path is requested once.

    Raise ValueError for a path that is none, and MetadataError as ``Client.get`` does for all but an absent item.
    """
    bodies: t.Dict[str, t.Optional[bytes]] = {}

    def work(target: str) -> t.Iterable[str]:
        try:
            bodies[target] = client.get(target)
        except _errors.NotFound:
            bodies[target] = None
        return ()

    targets = [resolve(path) for path in paths]
    work_off(list(dict.fromkeys(targets)), work, client.settings.connections)
    return [bodies[target] for target in targets]


def absent(client: Client, path: str) -> _errors.MetadataError:
    """The error that tells of an absent item at *path*."""
    return _errors.from_status("GET " + resolve(path), client.settings.endpoint, 404)


def to_text(path: str, body: bytes, encoding: str) -> str:
    """*body* as text, byte by byte what the service sent: *encoding* is "text" (UTF-8) or "base64".

    Raise ValueError where it is not UTF-8 text.
    """
    text = _encode(path, body, encoding)
    _mask(resolve(path), text)
    return text


def to_value(path: str, body: bytes, encoding: str, parse_json: bool) -> t.Any:
    """As ``to_text``, but the list of names for a *path* that ends in a slash, and JSON objects and arrays on request."""
    if path.partition("?")[0].endswith("/"):
        return [entry.name for entry in parse_listing(body)[0]]
    text = to_text(path, body, encoding)
    if parse_json and text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text  # [2001:db8::1] is not JSON, and a legal value
    return text


def holds_credentials(path: str) -> bool:
    """Is the value at *path* one that nobody should print?"""
    return is_secret(resolve(path))


def _encode(path: str, body: bytes, encoding: str) -> str:
    if encoding == "base64":
        return base64.b64encode(body).decode("ascii")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("The value at path %r is not UTF-8 text; ask for it with encoding 'base64'." % path) from None


def _mask(target: str, text: str) -> None:
    if "/" + ROLE_CREDENTIALS not in target.lower():
        return
    try:
        credentials = json.loads(text)
        for key in ("AccessKeySecret", "SecurityToken"):
            register_secret(credentials.get(key))
    except (ValueError, AttributeError, RecursionError):
        pass  # the listing of roles, or something that is no set of credentials
