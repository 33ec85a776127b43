# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accept the spellings of requests that lighttpd accepts with server.http-parseopts header-strict=disable.

The head of a request is rewritten to a strict spelling, which `request.parse` then parses. Source of the rules:
http_request_parse_reqline() and http_request_parse_headers() in src/request.c of lighttpd 1.4.
"""

from __future__ import annotations

import re

# The blank line after a head, whose lines may end without CR.
END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_FOLDED = re.compile(rb"\r?\n(?=[ \t])")
_PROTOCOL = re.compile(rb"(?P<method>[^ ]+) (?P<target>.+) (?P<protocol>HTTP/1\.[01]).*\Z", re.S)
_HEADER = re.compile(rb"(?P<name>[^:]*?)[ \t]*:[ \t]*(?P<value>.*?)[ \t]*\Z", re.S)
_SEPARATORS = re.compile(rb"[\s()<>@,;\\\"/\[\]?={}\x00]")
_OUTSIDE_OF_TOKENS = re.compile(rb"[^!#$%&'*+.^_`|~0-9A-Za-z-]")
_CONTROL = re.compile(rb"[\x01-\x08\x0a-\x1f\x7f]")


def strict(head: bytes) -> bytes:
    """Return the strict spelling of a *head* without its blank line; what lighttpd refuses stays as it is, and is refused."""
    if b"\x00" in head:
        return head
    first, *others = re.split(rb"\r?\n", _FOLDED.sub(b"  ", head))
    lines = [_request_line(first)]
    for line in others:
        found = _HEADER.match(line)
        if found is None or not found.group("name") or _SEPARATORS.search(found.group("name")):
            lines.append(line)
        elif found.group("value"):  # a header without a value is ignored
            name = _OUTSIDE_OF_TOKENS.sub(b"_", found.group("name"))
            lines.append(name + b": " + _CONTROL.sub(b"?", found.group("value")))
    names = {line.partition(b":")[0].lower() for line in lines[1:]}
    if b"transfer-encoding" in names:
        lines = [lines[0], *(line for line in lines[1:] if not line.lower().startswith(b"content-length:"))]
    return b"\r\n".join(lines)


def _request_line(line: bytes) -> bytes:
    """Return a request line whose target has no spaces, and without what follows the protocol."""
    found = _PROTOCOL.match(line)
    if found is None:
        return line
    target = re.sub(rb"[\x01-\x20\x7f]", lambda char: b"%%%02X" % char.group()[0], found.group("target"))
    return b" ".join((found.group("method"), target, found.group("protocol")))
