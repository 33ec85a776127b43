# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The failures of a metadata request, and their messages.

There are four kinds of failure: unreachable, refused, not found, unexpected reply. Every message names the request, the
endpoint, the result and the next step. No message contains a token or any byte of a reply.
"""

import errno as errnos
import os
import typing as t

from ._dmi import read_platform
from ._http import TransportError
from ._service import ADDRESSES, ENDPOINTS, LONGEST_TTL, ROLE_CREDENTIALS

_REASONS = {
    200: "OK", 301: "Moved Permanently", 302: "Found", 303: "See Other", 307: "Temporary Redirect", 308: "Permanent Redirect",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip


class MetadataError(Exception):
    """A metadata request failed.

    ``kind`` is "unreachable", "refused", "not_found" or "unexpected_reply"; ``request`` is the method and the path, for
    example ``GET /latest/meta-data/instance-id``; ``status`` is the HTTP status, or None without a reply; ``hint`` is the
    cause, if known, and the next step.
    """

    kind = "error"

    def __init__(self, request: str, endpoint: str, result: str, hint: str, status: t.Optional[int] = None) -> None:
        super().__init__("%s at %s: %s. %s" % (request, endpoint, result, hint))
        self.request = request
        self.endpoint = endpoint
        self.status = status
        self.hint = hint


class Unreachable(MetadataError):
    """The service did not reply: no route, no listener, a timeout, or a firewall.

    ``connected`` is whether it accepted a connection.
    """

    kind = "unreachable"
    connected = False


class Refused(MetadataError):
    """The service refused the request with status 401 or 403."""

    kind = "refused"


class NotFound(MetadataError):
    """The item does not exist on this instance, which callers may treat as an absent value."""

    kind = "not_found"


class UnexpectedReply(MetadataError):
    """The reply is not one of the metadata service, or exceeds a limit."""

    kind = "unexpected_reply"


def unreachable(request: str, endpoint: str, cause: TransportError) -> Unreachable:
    """Return the error for a connection that failed, or a reply that did not arrive."""
    if cause.phase == "connect" and endpoint not in ENDPOINTS:
        hint = "Check 'endpoint', and whether the emulator or the service behind it runs."
    else:
        hint = "%s. %s." % (_transport_hint(cause), _capitalized(read_platform().describe()))
    elsewhere = "".join(", nor at %s (%s)" % (other, failure.reason) for other, failure in cause.others.items())
    error = Unreachable(request, endpoint, "no answer (%s)%s" % (cause.reason, elsewhere), hint)
    error.connected = cause.phase != "connect"
    return error


def deadline_passed(request: str, endpoint: str, seconds: float) -> Unreachable:
    """Return the error for an operation that took longer than its deadline, in *seconds*."""
    hint = "Raise 'deadline', or find out why the service replies so slowly."
    return Unreachable(request, endpoint, "the deadline of %g s for the whole operation has passed" % seconds, hint)


def from_status(request: str, endpoint: str, status: int) -> MetadataError:
    """Return the error for the final status of a read or of a token request."""
    result = ("%d %s" % (status, _REASONS.get(status, ""))).strip()
    kind, hint = _token_verdict(status) if request.startswith("PUT ") else _read_verdict(request, status)
    return kind(request, endpoint, result, hint, status)


def not_found(request: str, endpoint: str, similar: t.Optional[str]) -> MetadataError:
    """Return the error for an item that does not exist; *similar* is the path of one that does, or None."""
    error = from_status(request, endpoint, 404)
    if similar is None:
        return error
    return NotFound(request, endpoint, "404 Not Found", "Did you mean '%s'? %s" % (similar, error.hint), 404)


def unexpected(request: str, endpoint: str, result: str, hint: str = "") -> UnexpectedReply:
    """Return the error for a reply that is not one of the metadata service, or that exceeds a limit."""
    hint = hint or "Another service may be replying at this address; check 'endpoint'."
    return UnexpectedReply(request, endpoint, result, hint)


_Verdict = t.Tuple[t.Type[MetadataError], str]


def _token_verdict(status: int) -> _Verdict:
    if status == 403:
        return Refused, (
            "The metadata endpoint of this instance is disabled (HttpEndpoint), or a proxy forwarded the request and added"
            " X-Forwarded-For. Enable the endpoint, or exclude %s from the proxy." % " and ".join(ADDRESSES)
        )
    if status == 401:
        return (
            Refused,
            "The token request was refused as unauthorized. The metadata service does not do that; check 'endpoint'.",
        )
    if status in (404, 405):
        return UnexpectedReply, (
            "This service issues no tokens: it does not support security hardening mode, or it is not the metadata service."
            " Metadata is never read without a token; check 'endpoint'."
        )
    if status == 400:
        return (
            UnexpectedReply,
            "The service rejected the lifetime of the token; 'token_ttl' must be 1 to %d seconds." % LONGEST_TTL,
        )
    return _any_verdict(status)


def _read_verdict(request: str, status: int) -> _Verdict:
    if status in (204, 404):
        if "/" + ROLE_CREDENTIALS.rstrip("/") in request.lower():
            return NotFound, "No RAM role is bound to this instance, or the role has another name."
        return (
            NotFound,
            "The instance has no such item, or no value for it. List the parent directory to see its items.",
        )
    if status == 401:
        return Refused, "A new token was refused as well. A token is valid only on the instance that requested it."
    if status == 403:
        return Refused, "The service does not serve this item to this instance. The metadata endpoint may be disabled."
    return _any_verdict(status)


def _any_verdict(status: int) -> _Verdict:
    if 300 <= status < 400:
        return UnexpectedReply, (
            "Redirects are not followed, because the token would be sent to another server. The metadata service sends no"
            " redirects: another service is replying at this address; check 'endpoint'."
        )
    if status == 429:
        return UnexpectedReply, "The service throttles this instance: send fewer requests, and cache the values."
    if status >= 500:
        return UnexpectedReply, "The service failed after all retries; try again later, or raise 'retries'."
    return UnexpectedReply, "The metadata service does not return this status; check 'endpoint'."


def _transport_hint(cause: TransportError) -> str:
    uid = os.geteuid()
    rejects = "a firewall rejects this user (uid %d)" % uid
    errors = {failure.errno for failure in (cause, *cause.others.values())}
    if errors & {errnos.EPERM, errnos.EACCES}:
        return "On this host %s; run as root or as a permitted user" % rejects
    if cause.timed_out and cause.phase == "answer":
        return (
            "The connection was accepted, but the reply did not arrive in time; raise 'timeout' if the service is slow"
        )
    if errors & {errnos.ECONNREFUSED, errnos.EHOSTUNREACH} and uid != 0:
        return "This host is not an ECS instance, or %s; try again as root" % rejects
    if cause.timed_out:
        return "This host is not an ECS instance, or packets to the service are dropped"
    if cause.phase == "connect":
        return "This host is not an ECS instance, or a firewall rejects the connection"
    return "The service or a device in between closed the connection; try again"


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]
