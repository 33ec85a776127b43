# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Call operations of the API: signed, with rate limit and retries, within one deadline."""

import random
import re
import time
import typing as t

from .._common._clock import SYSTEM_CLOCK, Clock
from . import _errors, _http
from ._credentials import Credentials, Provider
from ._pacing import Pacers
from ._responses import parsed
from ._signing import V3Auth, canonical_query, flatten

_USER_AGENT = "alicloud.imds (Ansible collection)"
_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
_BACKOFF = 0.5
_MAX_BACKOFF = 10.0
# Throttled calls have a backoff of their own: the pacer limits the rate, and a quota may be renewed only every minute.
_THROTTLED_BACKOFF = 0.2
_MAX_THROTTLED_BACKOFF = 15.0


class Settings(t.NamedTuple):
    """Settings of the connection to the API; times in seconds.

    ``timeout`` limits one request including the connection; ``deadline`` limits the whole task. ``retries`` limits the retries of a
    call after transient failures. Throttled calls are retried until the deadline, unless ``retries`` is 0. ``connections`` is the
    number of concurrent threads.
    """

    timeout: float = 10.0
    deadline: float = 300.0
    retries: int = 8
    ca_bundle: t.Optional[str] = None
    connections: int = 8

    def validate(self) -> "Settings":
        """Return self; raise ValueError naming the first setting out of range."""
        for name, limit in (("timeout", 3600), ("deadline", 86400)):
            if not 0 < getattr(self, name) <= limit:
                raise ValueError("api_%s must be more than 0 and at most %d seconds" % (name, limit))
        if not 0 <= self.retries <= 100:
            raise ValueError("api_retries must be 0 to 100, not %s" % self.retries)
        return self


class Service(t.NamedTuple):
    """An API: its name in RAM actions, its version, and its URL with the placeholder ``{region}``."""

    product: str
    version: str
    endpoint: str

    def url(self, region: str) -> str:
        """Return the URL for *region*; raise ApiError if it is an invalid region ID."""
        if not region and "{region}" not in self.endpoint:
            return self.endpoint
        if len(region) > 63 or not _REGION.match(region):
            raise _errors.ApiError(
                "invalid", "%r is an invalid region ID" % region, hint="A valid region ID is, for example, cn-hangzhou"
            )
        return self.endpoint.replace("{region}", region)


class Transport:
    """Call operations with the credentials of *provider*. Thread-safe.

    *clock* returns the Unix time for signatures. *timer* is the clock of rate limit, backoff and deadline.
    """

    def __init__(
        self,
        settings: Settings,
        provider: Provider,
        clock: t.Callable[[], float] = time.time,
        timer: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.settings = settings.validate()
        self._provider = provider
        self._clock = clock
        self._timer = timer
        self._connections = _http.Connections(settings.connections, settings.ca_bundle)
        self._pacers = Pacers(timer.now)
        self.start_clock()

    def start_clock(self) -> None:
        """Start a new task: its deadline counts from now."""
        self._ends_at = self._timer.now() + self.settings.deadline

    def authenticate(self) -> None:
        """Get the credentials, which otherwise the first call does; raise ApiError if there are none."""
        self._provider.current()

    def close(self) -> None:
        """Close the open connections."""
        self._connections.close()

    def call(
        self,
        service: Service,
        action: str,
        region: str,
        parameters: t.Mapping[str, t.Any],
        limit: t.Optional[float] = None,
        repeatable: bool = True,
    ) -> t.Dict[str, t.Any]:
        """Call an operation and return its response. *parameters* may contain lists, dictionaries and booleans; None is omitted.

        With *limit*, give up if the API does not respond properly for so many seconds. Throttled calls do not count as such.
        A call that is not *repeatable* is only retried if it was throttled: after another failure it may have taken effect.

        Raises:
            ApiError: The call failed and is not retried, or the retries or the deadline are exhausted.
        """
        endpoint = service.url(region)
        where = _errors.Where(service.product, action, region, endpoint)
        query = canonical_query(flatten(parameters))
        url = "%s/?%s" % (endpoint, query) if query else endpoint + "/"
        headers = {
            "accept": "application/json",
            "user-agent": _USER_AGENT,
            "x-acs-action": action,
            "x-acs-version": service.version,
        }
        retries = self.settings.retries if repeatable else 0
        return self._request_with_retries(
            where, lambda ends_at: self._once(where, url, headers, ends_at), limit, retries
        )

    def _request_with_retries(
        self,
        where: _errors.Where,
        once: t.Callable[[float], t.Dict[str, t.Any]],
        limit: t.Optional[float],
        retries: int,
    ) -> t.Dict[str, t.Any]:
        pacer = self._pacers.of(where.region, where.action)
        began, failures, throttles, backoffs = self._timer.now(), 0, 0, 0
        self._wait(pacer.reserve(), self._deadline_passed(where), self._ends_at)
        ends_at = self._end(limit)
        while True:
            try:
                response = once(ends_at)
            except _errors.ApiError as exc:
                exc.sent = exc.sent or failures + throttles > 0
                if exc.kind == "throttled":
                    ends_at = self._ends_at
                if exc.kind == "throttled" and self.settings.retries:
                    backoffs = min(backoffs + 1, 2) if pacer.throttled() else backoffs + 1
                    throttles += 1
                    wait = _jitter(_THROTTLED_BACKOFF, backoffs - 1, _MAX_THROTTLED_BACKOFF) + pacer.reserve()
                elif exc.kind == "transient" and failures < retries:
                    failures += 1
                    wait = _jitter(_BACKOFF, failures - 1, _MAX_BACKOFF)
                else:
                    raise _errors.gave_up(exc, failures + throttles + 1, self._timer.now() - began) from None
                self._wait(
                    max(wait, exc.retry_after or 0.0),
                    _errors.gave_up(exc, failures + throttles, self._timer.now() - began),
                    ends_at,
                )
                if exc.kind == "throttled":
                    ends_at = self._end(limit)
            else:
                pacer.succeeded()
                return response

    def _end(self, limit: t.Optional[float]) -> float:
        """Return when a call ends whose time is limited from now on."""
        return self._ends_at if limit is None else min(self._ends_at, self._timer.now() + limit)

    def _wait(self, seconds: float, error: _errors.ApiError, ends_at: float) -> None:
        """Wait for *seconds*; raise *error* if *ends_at* is earlier."""
        if self._timer.now() + seconds >= ends_at:
            raise error
        if seconds > 0:
            self._timer.sleep(seconds)

    def _deadline_passed(self, where: _errors.Where) -> _errors.ApiError:
        reason = "the deadline of %g s for the whole task has passed" % self.settings.deadline
        error = _errors.no_response(where, reason, "Raise 'api_deadline', or choose fewer instances")
        error.sent, error.after_deadline = False, True
        return error

    def _once(self, where: _errors.Where, url: str, headers: t.Mapping[str, str], ends_at: float) -> t.Dict[str, t.Any]:
        """Send one request; if the API rejects expired temporary credentials and newer ones exist, send a second one."""
        credentials = self._current_credentials()
        try:
            return self._exchange(where, url, headers, credentials, ends_at)
        except _errors.ApiError as exc:
            if not exc.code.startswith("InvalidSecurityToken"):
                raise
            replacement = self._provider.replace(credentials)
            if replacement is None:
                raise
        return self._exchange(where, url, headers, replacement, ends_at)

    def _current_credentials(self) -> Credentials:
        try:
            return self._provider.current()
        except _errors.ApiError as exc:
            exc.sent = False
            raise

    def _exchange(
        self, where: _errors.Where, url: str, headers: t.Mapping[str, str], credentials: Credentials, ends_at: float
    ) -> t.Dict[str, t.Any]:
        left = ends_at - self._timer.now()
        if left <= 0:
            raise self._deadline_passed(where)
        try:
            response = self._connections.post(
                url, headers, V3Auth(credentials, self._clock), min(self.settings.timeout, left)
            )
        except _http.RequestFailure as exc:
            raise _errors.no_response(where, exc.reason, exc.hint, exc.final) from None
        return parsed(where, response, credentials, self._clock())


def _jitter(base: float, doublings: int, limit: float) -> float:
    return random.uniform(0.0, min(limit, base * 2.0 ** min(doublings, 30)))
