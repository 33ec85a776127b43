# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths, listings and trees of metadata, without any I/O. This module util is private to the collection.

A *tree* is the raw form of metadata: nested dicts of the service's own names, with text as leaves. Listings read one by
one and the single JSON object of ``meta-data/all`` come to the same tree.
Source for the listing format: Alibaba Cloud, "View instance metadata"; a directory is a name with a slash at its end.
"""

from __future__ import annotations

import json
import typing as t
import urllib.parse

from ._service import LATEST, ROLE_CREDENTIALS, TOKEN, VERSIONS

Tree = t.Dict[str, t.Any]

_ROOTS = ("meta-data", "dynamic", "global-config", "maintenance", "user-data", "vendor-data")
_DEEPEST = 12
# what a path segment may hold unquoted (RFC 3986 pchar without the percent sign)
_SEGMENT_SAFE = "!$&'()*+,;=:@~"
_QUERY_SAFE = _SEGMENT_SAFE + "/?"


class Entry(t.NamedTuple):
    """One line of a listing."""

    name: str
    is_directory: bool


def resolve(path: str) -> str:
    """Return the absolute, percent-encoded request target of *path*; raise ValueError, saying what is wrong with it.

    ``instance-id`` is below ``/latest/meta-data/``; ``dynamic/…``, ``user-data`` and the like are below ``/latest/``;
    ``/latest/…`` and ``/2016-01-01/…`` are taken as they are. A query (``pkcs7?audience=…``) is kept.
    """
    path, question, query = path.partition("?")
    segments = path.lstrip("/").split("/")
    if any(not is_safe_name(segment) for segment in segments[:-1]) or not _is_safe_end(segments[-1]):
        raise ValueError("path %r has an empty segment, '.', '..' or a control character" % path)
    if segments[0] in _ROOTS and not path.startswith("/"):
        segments.insert(0, LATEST)
    elif segments[0] not in VERSIONS:
        if path.startswith("/") and segments != [""]:
            raise ValueError(
                "path %r must begin with /%s/, or have no slash at its start" % (path, "/ or /".join(VERSIONS))
            )
        if segments != [""]:
            segments[:0] = [LATEST, "meta-data"]
    if segments[1:3] == TOKEN.split("/"):
        raise ValueError("path %r is where tokens are issued; tokens are never read" % path)
    return "/" + "/".join(map(quote, segments)) + question + urllib.parse.quote(query, safe=_QUERY_SAFE + "%")


def quote(name: str) -> str:
    """Percent-encode one segment of a path."""
    return urllib.parse.quote(name, safe=_SEGMENT_SAFE)


def is_safe_name(name: str) -> bool:
    """May *name*, which the service (or whoever writes a tag) chose, become a path segment?"""
    return 0 < len(name) <= 255 and name not in (".", "..") and "/" not in name and not _has_control(name)


def _is_safe_end(name: str) -> bool:
    return name == "" or is_safe_name(name)


def _has_control(text: str) -> bool:
    return any(ord(char) < 32 or ord(char) == 127 for char in text)


def is_secret(target: str) -> bool:
    """Does *target*, an absolute request target, hold keys or other content that must not be shown around?"""
    segments = urllib.parse.unquote(target.partition("?")[0]).strip("/").lower().split("/")[1:]
    if segments[:1] in (["user-data"], ["vendor-data"], ["api"]) or segments == ["meta-data", "all"]:
        return True
    if segments[:3] == ["meta-data"] + ROLE_CREDENTIALS.strip("/").split("/"):
        return len(segments) > 3
    return segments[:2] == ["dynamic", "instance-identity"] and segments[2:] not in ([], ["document"])


def decode(body: bytes) -> str:
    """Text of an answer; bytes that are not UTF-8 become U+FFFD."""
    return body.decode("utf-8", "replace")


def parse_listing(body: bytes) -> t.Tuple[t.List[Entry], t.List[str]]:
    """Split the body of a directory into its entries and the names refused because they could lead elsewhere."""
    entries: t.Dict[str, Entry] = {}
    refused = []
    for line in decode(body).split("\n"):
        line = line.rstrip("\r")
        is_directory = line.endswith("/")
        name = line[:-1] if is_directory else line
        if is_safe_name(name):
            if is_directory or name not in entries:
                entries[name] = Entry(name, is_directory)
        elif line:
            refused.append(line)
    return list(entries.values()), refused


def parse_all(body: bytes) -> t.Tuple[Tree, t.List[str]]:
    """Turn the JSON of ``meta-data/all`` into a tree and the list of names refused; raise ValueError if it is none."""
    try:
        content = json.loads(decode(body))
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(content, dict):
        raise ValueError("not a JSON object")
    refused: t.List[str] = []
    return _normalise(content, refused, 0), refused


def _normalise(content: t.Dict[str, t.Any], refused: t.List[str], depth: int) -> Tree:
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    tree: Tree = {}
    for name, value in content.items():
        if not is_safe_name(name):
            refused.append(name)
        elif isinstance(value, dict):
            tree[name] = _normalise(value, refused, depth + 1)
        elif value is not None:
            tree[name] = value if isinstance(value, str) else json.dumps(value)
    return tree


def insert(tree: Tree, names: t.Sequence[str], value: t.Any) -> None:
    """Put *value* at the place that *names* lead to; a directory is never replaced by a leaf."""
    for name in names[:-1]:
        child = tree.setdefault(name, {})
        if not isinstance(child, dict):
            child = tree[name] = {}
        tree = child
    if not isinstance(tree.get(names[-1]), dict):
        tree[names[-1]] = value


def branch(tree: Tree, *names: str) -> Tree:
    """The directory that *names* lead to, or an empty one."""
    for name in names:
        child = tree.get(name)
        if not isinstance(child, dict):
            return {}
        tree = child
    return tree
