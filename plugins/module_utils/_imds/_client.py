# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implement the token protocol of the ECS metadata service: tokens, retries with backoff, deadlines.

Only this file interprets status codes. A client never reads without a token and never falls back to normal mode. It
does not reveal its token; `Client.issue_token` requests another one.
Source: Alibaba Cloud, "View instance metadata", security hardening mode.
"""

import random
import threading
import typing as t

from .._common._clock import SYSTEM_CLOCK, Clock
from . import _errors
from ._connect import Route, parse_endpoint
from ._http import BrokenReply, Pool, Reply, TransportError
from ._secrets import register_secret
from ._service import ENDPOINTS, LONGEST_TTL, TOKEN_HEADER, TOKEN_PATH, TTL_HEADER

# Timeout of the first request on a host that is not an ECS instance according to DMI.
PROBE_SECONDS = 0.3

# Bytes of a body
REPLY_LIMIT = 2 * 1024 * 1024
TOKEN_LIMIT = 4096
# Seconds
_FIRST_BACKOFF = 0.2
_LONGEST_BACKOFF = 2.0
_RENEWAL_MARGIN = 30.0

Headers = t.Mapping[str, str]
Before = t.Callable[[], None]  # is called before each attempt


class Settings(t.NamedTuple):
    """The settings of a client; times are in seconds.

    ``endpoint`` is the only address that is used; None means both addresses of the service, IPv4 first.
    ``timeout`` limits one request, from connecting to the last byte of the reply; ``deadline`` limits a whole operation.
    ``retries`` is the number of attempts after the first. ``token_ttl`` is the requested lifetime of a token, 1 to 21600.
    ``connections`` is the maximum number of concurrent connections.
    """

    endpoint: t.Optional[str] = None
    timeout: float = 2.0
    deadline: float = 15.0
    token_ttl: int = 300
    retries: int = 3
    connections: int = 8

    def validate(self) -> "Settings":
        """Return self.

        Raises: ValueError that names the first setting that is out of range.
        """
        for endpoint in self.endpoints:
            parse_endpoint(endpoint)
        if not 1 <= self.token_ttl <= LONGEST_TTL:
            raise ValueError("token_ttl must be 1 to %d seconds, not %s" % (LONGEST_TTL, self.token_ttl))
        for name in ("timeout", "deadline"):
            if not 0 < getattr(self, name) <= 3600:
                raise ValueError(
                    "%s must be more than 0 and at most 3600 seconds, not %s" % (name, getattr(self, name))
                )
        if not 0 <= self.retries <= 20:
            raise ValueError("retries must be 0 to 20, not %s" % self.retries)
        return self

    @property
    def endpoints(self) -> t.Tuple[str, ...]:
        """The addresses to use, in this order."""
        return ENDPOINTS if self.endpoint is None else (self.endpoint,)


class _Token(t.NamedTuple):
    value: str
    renew_at: float


class RetryPolicy(t.NamedTuple):
    """The limits of one request: seconds for connecting, seconds for the reply, and the number of retries."""

    connect: float
    reply: float
    retries: int


class Client:
    """Read metadata with tokens. Thread-safe: concurrent readers share one token and one token request.

    Of several addresses, the first that accepts a connection is used for all requests, until it is unreachable. The service
    takes a token of this instance at either address; if it did not (status 401), a new token would be requested.
    """

    def __init__(self, settings: Settings, clock: Clock = SYSTEM_CLOCK) -> None:
        self.settings = settings.validate()
        self._clock = clock
        self._route = Route(*map(parse_endpoint, settings.endpoints))
        self._pool = Pool(self._route, clock)
        self._lock = threading.Lock()
        self._token: t.Optional[_Token] = None
        self._token_failure: t.Optional[_errors.MetadataError] = None
        self._policy = RetryPolicy(settings.timeout, settings.timeout, settings.retries)
        self.start_clock()

    @property
    def endpoint(self) -> str:
        """The address in use, for messages: the one that accepted the last connection, or else the first."""
        return self.settings.endpoint or self._route.origin.url

    def for_each_endpoint(self) -> "t.Dict[str, Client]":
        """Return a client for each address of the service, with the other settings of this one."""
        endpoints = self.settings.endpoints
        return {endpoint: Client(self.settings._replace(endpoint=endpoint), self._clock) for endpoint in endpoints}

    def start_clock(self) -> None:
        """Start a new operation: restart the deadline, and discard the failure of an earlier token request."""
        self._ends_at = self._clock.now() + self.settings.deadline
        self._token_failure = None

    def get(self, target: str) -> bytes:
        """Return the body of *target*, an absolute path such as ``/latest/meta-data/instance-id``.

        Raises: NotFound if the item does not exist, otherwise Unreachable, Refused or UnexpectedReply.
        """
        token = self._current_token()
        reply = self._get_with(token, target)
        if reply.status == 401:
            # The service no longer accepts the token. Request one new token and try once more.
            reply = self._get_with(self._current_token(instead_of=token), target)
        if reply.status != 200:
            raise _errors.from_status("GET " + target, self.endpoint, reply.status)
        return reply.body

    def connect(self, connect_timeout: float, reply_timeout: float) -> None:
        """Request the token once, with timeouts in seconds, to find out quickly whether the service exists.

        Raises: MetadataError as `get` does.
        """
        with self._lock:
            self._token = self._request_token(self.settings.token_ttl, RetryPolicy(connect_timeout, reply_timeout, 0))

    def open(self) -> None:
        """Open a connection for the next request, in one attempt, to find out whether the service can be reached.

        Raises: Unreachable.
        """
        now = self._clock.now()
        try:
            self._pool.connect(min(now + self._policy.connect, self._ends_at))
        except TransportError as exc:
            raise _errors.unreachable("A connection", self.endpoint, exc) from exc

    def issue_token(self, ttl: int) -> str:
        """Request a token with a lifetime of *ttl* seconds for use outside of this client, and return it.

        Raises: MetadataError as `get` does.
        """
        return self._request_token(ttl, self._policy).value

    def send(self, method: str, target: str, headers: Headers, before: Before = lambda: None) -> int:
        """Send this request without the client's token and return the status; only the probe of access modes needs it.

        Raises: Unreachable or UnexpectedReply if every attempt ended without a status or with 429 or 5xx.
        """
        return self._request_with_retries("%s %s" % (method, target), headers, self._policy, before).status

    def close(self) -> None:
        """Close the kept connections."""
        self._pool.close()

    def _current_token(self, instead_of: t.Optional[_Token] = None) -> _Token:
        with self._lock:  # while one thread requests a token, the others wait for its result
            token = self._token
            if token is not None and token is not instead_of and self._clock.now() < token.renew_at:
                return token
            if self._token_failure is not None:
                raise self._token_failure
            try:
                self._token = self._request_token(self.settings.token_ttl, self._policy)
            except _errors.MetadataError as exc:
                self._token_failure = exc  # the waiting threads fail with it instead of repeating the request
                raise
            return self._token

    def _request_token(self, ttl: int, policy: RetryPolicy) -> _Token:
        request = "PUT " + TOKEN_PATH
        requested_at = self._clock.now()
        reply = self._request_with_retries(request, {TTL_HEADER: str(ttl)}, policy)
        if reply.status != 200:
            raise _errors.from_status(request, self.endpoint, reply.status)
        value = _usable_token(reply.body)
        if value is None:
            raise _errors.unexpected(request, self.endpoint, "200 OK, but the body cannot be a token")
        register_secret(value)
        return _Token(value, requested_at + ttl - min(_RENEWAL_MARGIN, ttl / 4.0))

    def _get_with(self, token: _Token, target: str) -> Reply:
        return self._request_with_retries("GET " + target, {TOKEN_HEADER: token.value}, self._policy)

    def _request_with_retries(
        self, request: str, headers: Headers, policy: RetryPolicy, before: Before = lambda: None
    ) -> Reply:
        """Return the reply to *request*, with retries after throttling, server errors and lost connections."""
        method, target = request.split(" ", 1)
        failure: _errors.MetadataError
        for attempt in range(policy.retries + 1):
            backoff = random.uniform(0.5, 1.0) * min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2**attempt)
            try:
                before()
                reply = self._exchange(method, target, headers, policy)
                if reply.status != 429 and reply.status < 500:
                    return reply
                failure = _errors.from_status(request, self.endpoint, reply.status)
                backoff = max(backoff, reply.retry_after or 0.0)
            except TransportError as exc:
                failure = self._no_reply(request, exc)
            except BrokenReply as exc:
                failure = _errors.unexpected(request, self.endpoint, exc.reason)
                if not exc.retryable:
                    raise failure from exc
            if attempt == policy.retries or self._clock.now() + backoff >= self._ends_at:
                break
            self._clock.sleep(backoff)
        raise failure

    def _exchange(self, method: str, target: str, headers: Headers, policy: RetryPolicy) -> Reply:
        now = self._clock.now()
        if now >= self._ends_at:
            raise _errors.deadline_passed("%s %s" % (method, target), self.endpoint, self.settings.deadline)
        ends_at = min(now + policy.reply, self._ends_at)
        limit = TOKEN_LIMIT if target == TOKEN_PATH else REPLY_LIMIT
        return self._pool.exchange(method, target, headers, ends_at, now + policy.connect, limit)

    def _no_reply(self, request: str, cause: TransportError) -> _errors.MetadataError:
        if self._clock.now() >= self._ends_at:
            late = _errors.deadline_passed(request, self.endpoint, self.settings.deadline)
            late.connected = cause.phase != "connect"
            return late
        return _errors.unreachable(request, self.endpoint, cause)


def _usable_token(body: bytes) -> t.Optional[str]:
    """Return the token in *body*, or None if it is empty or cannot be sent as a header value."""
    value = body.strip()
    if not value or not all(0x21 <= byte <= 0x7E for byte in value):
        return None
    return value.decode("ascii")
