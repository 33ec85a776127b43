# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build HTTP responses, and the error page of the metadata service."""

from __future__ import annotations

import typing as t

REASONS = {
    200: "OK",
    302: "Found",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Payload Too Large",
    417: "Expectation Failed",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    505: "HTTP Version Not Supported",
}
MISSING_OR_INVALID = "Missing or Invalid Parameters"

_PAGE = """<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
         "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>%(title)s</title>
 </head>
 <body>
  <h1>%(title)s</h1>
 </body>
</html>
"""


class Answer(t.NamedTuple):
    """An HTTP response without the headers that `encode` adds."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain"
    headers: t.Tuple[t.Tuple[str, str], ...] = ()


def error(
    status: int, switches: t.Mapping[str, t.Any], title: str = "", headers: t.Tuple[t.Tuple[str, str], ...] = ()
) -> Answer:
    """Return the error page of the service, which has `CODE - REASON` as title and heading."""
    page = _PAGE % {"title": "%d - %s" % (status, title or REASONS.get(status, "Error"))}
    return Answer(status, page.encode("iso-8859-1"), switches["error_content_type"], headers)


def encode(answer: Answer, version: str, keep: bool, date: str, server: str = "", head_only: bool = False) -> bytes:
    """Return the bytes of a response: status line, headers and body.

    *date* is the value of the Date header, *keep* chooses the Connection header, *head_only* omits the body.
    """
    lines: t.List[str] = ["HTTP/%s %d %s" % (version, answer.status, REASONS.get(answer.status, "Unknown"))]
    lines.append("Content-Type: " + answer.content_type)
    lines.append("Content-Length: %d" % len(answer.body))
    lines.extend("%s: %s" % header for header in answer.headers)
    lines.append("Date: " + date)
    if server:
        lines.append("Server: " + server)
    lines.append("Connection: " + ("keep-alive" if keep else "close"))
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head if head_only else head + answer.body
