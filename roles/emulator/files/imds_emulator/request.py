# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse the head of an HTTP/1.1 request and reject invalid ones."""

from __future__ import annotations

import re
import typing as t

MAXIMUM_HEAD = 16384
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


class Request(t.NamedTuple):
    """The request line and the headers of a request."""

    method: str
    path: str  #: as sent, percent-encoded, without the query
    query: t.Optional[str]
    version: str  #: "1.0" or "1.1"
    headers: t.Dict[str, str]  #: names in lower case; values of repeated headers joined by ", "

    @property
    def keep_alive(self) -> bool:
        """Return whether the connection stays open after the response."""
        options = self.headers.get("connection")
        if options is None:
            return self.version == "1.1"
        words = [word.strip() for word in options.lower().split(",")]
        return "close" not in words and (self.version == "1.1" or "keep-alive" in words)


class BadRequest(Exception):
    """An invalid request. `status` is the HTTP status of the response."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def parse(head: bytes) -> Request:
    """Parse the request line and the headers, without the blank line after them.

    Raises: BadRequest.
    """
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not _TOKEN.fullmatch(words[0]) or not words[1] or _CONTROL.search(lines[0]):
        raise BadRequest(400)
    if words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest(505 if re.fullmatch(r"HTTP/\d\.\d", words[2]) else 400)
    headers = _headers(lines)
    version = words[2][5:]
    if version == "1.1" and ("host" not in headers or "," in headers["host"]):
        raise BadRequest(400)
    path, mark, query = _origin(words[1]).partition("?")
    return Request(words[0], path.partition("#")[0], query if mark else None, version, headers)


def _headers(lines: t.List[str]) -> t.Dict[str, str]:
    headers: t.Dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name) or _CONTROL.search(value):
            raise BadRequest(400)
        name, value = name.lower(), value.strip(" \t")
        headers[name] = headers[name] + ", " + value if name in headers else value
    return headers


def _origin(target: str) -> str:
    """Return path and query of a request target, also of one in absolute form (RFC 9112, section 3.2.2)."""
    if target.startswith("/"):
        return target
    scheme, mark, rest = target.partition("://")
    if not mark or scheme.lower() not in ("http", "https"):
        raise BadRequest(400)
    authority = re.match(r"[^/?#]*", rest)
    path = rest[authority.end() :] if authority else ""
    return path if path.startswith("/") else "/" + path
