# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resolve paths, and parse listings and trees of metadata. Does no I/O.

A *tree* is the raw form of metadata: nested dicts with the names of the service as keys and text as values. Reading
directory by directory and parsing the JSON object of ``meta-data/all`` result in the same tree.
Source of the listing format: Alibaba Cloud, "View instance metadata". The name of a directory ends in a slash.
"""

import json
import typing as t
import urllib.parse

from ._service import LATEST, ROLE_CREDENTIALS, TOKEN, VERSIONS

Tree = t.Dict[str, t.Any]

_ROOTS = ("meta-data", "dynamic", "global-config", "maintenance", "user-data", "vendor-data")
_DEEPEST = 12
# Characters that need no quoting in a path segment (RFC 3986 pchar, without the percent sign)
_SEGMENT_SAFE = "!$&'()*+,;=:@~"
_QUERY_SAFE = _SEGMENT_SAFE + "/?"


class Entry(t.NamedTuple):
    """One line of a listing."""

    name: str
    is_directory: bool


def resolve(path: str) -> str:
    """Return the absolute, percent-encoded request target of *path*.

    ``instance-id`` is relative to ``/latest/meta-data/``. ``dynamic/…``, ``user-data`` and the other top-level names are
    relative to ``/latest/``. ``/latest/…`` and ``/2016-01-01/…`` are absolute. A query (``pkcs7?audience=…``) is kept.

    Raises: ValueError for an invalid path, and for the path of tokens.
    """
    if not path.strip():
        raise ValueError(
            "a path is empty. Name an item such as 'instance-id', or 'meta-data/' for the list of all items"
        )
    path, question, query = path.partition("?")
    segments = path.lstrip("/").split("/")
    if any(not is_safe_name(segment) for segment in segments[:-1]) or not _is_safe_end(segments[-1]):
        raise ValueError("path %r contains an empty segment, '.', '..' or a control character" % path)
    if segments[0] in _ROOTS and not path.startswith("/"):
        segments.insert(0, LATEST)
    elif segments[0] not in VERSIONS:
        if path.startswith("/") and segments != [""]:
            raise ValueError("path %r must begin with /%s/, or without a slash" % (path, "/ or /".join(VERSIONS)))
        if segments != [""]:
            segments[:0] = [LATEST, "meta-data"]
    if segments[1:3] == TOKEN.split("/"):
        raise ValueError("path %r issues tokens; tokens are never read" % path)
    return "/" + "/".join(map(quote, segments)) + question + urllib.parse.quote(query, safe=_QUERY_SAFE + "%")


def quote(name: str) -> str:
    """Percent-encode one segment of a path."""
    return urllib.parse.quote(name, safe=_SEGMENT_SAFE)


def is_safe_name(name: str) -> bool:
    """Return whether *name*, which the service or the author of a tag chose, can be used as a path segment."""
    return 0 < len(name) <= 255 and name not in (".", "..") and "/" not in name and not _has_control(name)


def _is_safe_end(name: str) -> bool:
    return name == "" or is_safe_name(name)


def _has_control(text: str) -> bool:
    return any(ord(char) < 32 or ord(char) == 127 for char in text)


def is_secret(target: str) -> bool:
    """Return whether *target*, an absolute request target, holds keys or other content that must not be displayed."""
    segments = urllib.parse.unquote(target.partition("?")[0]).strip("/").lower().split("/")[1:]
    if segments[:1] in (["user-data"], ["vendor-data"], ["api"]) or segments == ["meta-data", "all"]:
        return True
    if segments[:3] == ["meta-data"] + ROLE_CREDENTIALS.strip("/").split("/"):
        return len(segments) > 3
    return segments[:2] == ["dynamic", "instance-identity"] and segments[2:] not in ([], ["document"])


def decode(body: bytes) -> str:
    """Return *body* as text, with U+FFFD for bytes that are not UTF-8."""
    return body.decode("utf-8", "replace")


def without_newline(text: str) -> str:
    """Return the value of an item: *text* without one line break at its end, which some services append."""
    if text.endswith("\n"):
        return text[:-2] if text.endswith("\r\n") else text[:-1]
    return text


def parse_listing(body: bytes) -> t.Tuple[t.List[Entry], t.List[str]]:
    """Return the entries in the body of a directory, and the names that are refused because they are unsafe in a path."""
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
    """Return the tree in the JSON of ``meta-data/all``, and the names that are refused because they are unsafe in a path.

    Raises: ValueError if *body* is not a JSON object, or is nested too deeply.
    """
    try:
        content = json.loads(decode(body))
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(content, dict):
        raise ValueError("not a JSON object")
    refused: t.List[str] = []
    return _normalize(content, refused, 0), refused


def _normalize(content: t.Dict[str, t.Any], refused: t.List[str], depth: int) -> Tree:
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    tree: Tree = {}
    for name, value in content.items():
        if not is_safe_name(name):
            refused.append(name)
        elif isinstance(value, dict):
            tree[name] = _normalize(value, refused, depth + 1)
        elif value is not None:
            tree[name] = without_newline(value) if isinstance(value, str) else json.dumps(value)
    return tree


def insert(tree: Tree, names: t.Sequence[str], value: t.Any) -> None:
    """Set the value at the path *names*; a leaf never replaces a directory."""
    for name in names[:-1]:
        child = tree.setdefault(name, {})
        if not isinstance(child, dict):
            child = tree[name] = {}
        tree = child
    if not isinstance(tree.get(names[-1]), dict):
        tree[names[-1]] = value


def branch(tree: Tree, *names: str) -> Tree:
    """Return the directory at the path *names*, or an empty dict if it does not exist."""
    for name in names:
        child = tree.get(name)
        if not isinstance(child, dict):
            return {}
        tree = child
    return tree
