# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong with the metadata service, in the words of an operator. This module util is private to the collection.

Four kinds of failure stay four kinds: unreachable, refused, not found, unexpected reply. Every message says what was
asked, of whom, what came back, and what to do about it. No message ever holds a token or any byte of an answer.
"""

from __future__ import annotations

import errno as errnos
import os
import typing as t

from ._dmi import read_platform
from ._http import TransportError
from ._service import ADDRESS, LONGEST_TTL, ROLE_CREDENTIALS

_REASONS = {
    200: "OK", 301: "Moved Permanently", 302: "Found", 303: "See Other", 307: "Temporary Redirect", 308: "Permanent Redirect",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip


class MetadataError(Exception):
    """A metadata request failed.

    ``kind`` is "unreachable", "refused", "not_found" or "unexpected_reply"; ``request`` is the request line, for example
    ``GET /latest/meta-data/instance-id``; ``status`` is the HTTP status or None when there was no answer; ``hint`` is what
    to do about it.
    """

    kind = "error"

    def __init__(self, request: str, endpoint: str, came_back: str, hint: str, status: t.Optional[int] = None) -> None:
        super().__init__("%s at %s: %s. %s" % (request, endpoint, came_back, hint))
        self.request = request
        self.endpoint = endpoint
        self.status = status
        self.hint = hint


class Unreachable(MetadataError):
    """No answer: no route, nothing listening, silence, or a firewall."""

    kind = "unreachable"


class Refused(MetadataError):
    """The service answered and will not serve this request: 401 or 403."""

    kind = "refused"


class NotFound(MetadataError):
    """The item does not exist on this instance. Absence, not failure."""

    kind = "not_found"


class UnexpectedReply(MetadataError):
    """Something answered, but not as the metadata service does, or beyond a limit."""

    kind = "unexpected_reply"


def unreachable(request: str, endpoint: str, cause: TransportError) -> Unreachable:
    """From a connection that failed or an answer that did not come."""
    hint = "%s. %s." % (_transport_hint(cause), _capitalised(read_platform().describe()))
    return Unreachable(request, endpoint, "no answer (%s)" % cause.reason, hint)


def deadline_passed(request: str, endpoint: str, seconds: float) -> Unreachable:
    """The time for the whole operation is over."""
    hint = "Raise 'deadline', or find out why the service answers so slowly."
    return Unreachable(request, endpoint, "the deadline of %g s for the whole operation has passed" % seconds, hint)


def from_status(request: str, endpoint: str, status: int) -> MetadataError:
    """From the final status of a read or of a token request."""
    came_back = ("%d %s" % (status, _REASONS.get(status, ""))).strip()
    kind, hint = _token_verdict(status) if request.startswith("PUT ") else _read_verdict(request, status)
    return kind(request, endpoint, came_back, hint, status)


def unexpected(request: str, endpoint: str, came_back: str, hint: str = "") -> UnexpectedReply:
    """From an answer that is no answer of the metadata service, or breaks a limit."""
    hint = hint or "Something other than the metadata service may be answering at this address; check 'endpoint'."
    return UnexpectedReply(request, endpoint, came_back, hint)


_Verdict = t.Tuple[t.Type[MetadataError], str]


def _token_verdict(status: int) -> _Verdict:
    if status == 403:
        return Refused, (
            "The metadata endpoint of this instance is disabled (HttpEndpoint), or a proxy forwarded the request and added"
            " X-Forwarded-For. Enable the endpoint, or let %s bypass the proxy." % ADDRESS
        )
    if status == 401:
        return Refused, "The token request itself was refused as unauthorized; ask the provider of this service."
    if status in (404, 405):
        return UnexpectedReply, (
            "This service issues no tokens, so it has no security-enhanced mode, or it is not the metadata service."
            " Metadata is never read without a token; check 'endpoint'."
        )
    if status == 400:
        return (
            UnexpectedReply,
            "The service did not accept the lifetime; 'token_ttl' must be 1 to %d seconds." % LONGEST_TTL,
        )
    return _any_verdict(status)


def _read_verdict(request: str, status: int) -> _Verdict:
    if status in (204, 404):
        if "/" + ROLE_CREDENTIALS.rstrip("/") in request.lower():
            return NotFound, "No RAM role is bound to this instance, or the role has another name."
        return (
            NotFound,
            "The instance has no such item, or no value for it; list the directory above to see what there is.",
        )
    if status == 401:
        return Refused, "A new token was refused as well; tokens are only valid on the instance that requested them."
    if status == 403:
        return Refused, "The service gives this item to nobody on this instance; the metadata endpoint may be disabled."
    return _any_verdict(status)


def _any_verdict(status: int) -> _Verdict:
    if 300 <= status < 400:
        return UnexpectedReply, (
            "Redirects are not followed, so that the token stays here: the metadata service sends none."
            " Something else is answering at this address; check 'endpoint'."
        )
    if status == 429:
        return UnexpectedReply, "The service throttles this instance: ask less often, and keep what was read."
    if status >= 500:
        return UnexpectedReply, "The service failed, also when asked again; try later, or raise 'retries'."
    return UnexpectedReply, "The metadata service does not answer like that; check 'endpoint'."


def _transport_hint(cause: TransportError) -> str:
    uid = os.geteuid()
    rejects = "a firewall rejects this user (uid %d)" % uid
    if cause.errno in (errnos.EPERM, errnos.EACCES):
        return "On this host %s; use root or a user that the rule allows" % rejects
    if cause.timed_out and cause.phase == "answer":
        return (
            "The connection was accepted, but the answer did not come in time; raise 'timeout' if the service is slow"
        )
    if cause.timed_out:
        return "This is not an ECS instance, or packets to the service are dropped on the way"
    if cause.errno in (errnos.ECONNREFUSED, errnos.EHOSTUNREACH) and uid != 0:
        return "This is not an ECS instance, or %s; try as root" % rejects
    if cause.phase == "connect":
        return "This is not an ECS instance, or a firewall rejects the connection"
    return "The service or something on the way broke the connection; try again"


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
