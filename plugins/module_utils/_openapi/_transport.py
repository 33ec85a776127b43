# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of the API: signed, paced, tried again, within one deadline. This module util is private to the collection."""

from __future__ import annotations

import ipaddress
import json
import random
import re
import time
import typing as t
from urllib.parse import quote, urlsplit

from .._common._clock import SYSTEM_CLOCK, Clock
from . import _errors, _http
from ._credentials import Credentials, Provider
from ._pacing import Pacers
from ._signing import V3Auth, canonical_query, flatten

_USER_AGENT = "alicloud.imds (Ansible collection)"
_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
_BACK_OFF = 0.5
_LONGEST_BACK_OFF = 10.0
# Throttled calls wait differently: the pacer keeps the pace, and a quota may come back only with the next minute.
_THROTTLED_BACK_OFF = 0.2
_LONGEST_THROTTLED_BACK_OFF = 15.0
_LONGEST_ASKED = 60.0


class Settings(t.NamedTuple):
    """How to talk to the API; times in seconds.

    ``timeout`` bounds one answer, connecting included; ``deadline`` the whole task; ``retries`` counts further tries of a call
    after failures that may pass. Throttling is waited out until the deadline, unless ``retries`` is 0.
    ``connections`` is the number of threads that call at once.
    """

    timeout: float = 10.0
    deadline: float = 300.0
    retries: int = 8
    ca_bundle: t.Optional[str] = None
    connections: int = 8

    def validate(self) -> Settings:
        """Return self; raise ValueError naming the first setting out of range."""
        for name, most in (("timeout", 3600), ("deadline", 86400)):
            if not 0 < getattr(self, name) <= most:
                raise ValueError("api_%s must be more than 0 and at most %d seconds" % (name, most))
        if not 0 <= self.retries <= 100:
            raise ValueError("api_retries must be 0 to 100, not %s" % self.retries)
        return self


class Service(t.NamedTuple):
    """An API: its name in RAM actions, its version, and its URL, in which ``{region}`` stands for the region."""

    product: str
    version: str
    endpoint: str

    def url(self, region: str) -> str:
        """The URL for this region; raise ApiError for what cannot be a region."""
        if not region and "{region}" not in self.endpoint:
            return self.endpoint
        if len(region) > 63 or not _REGION.match(region):
            raise _errors.ApiError("invalid", "%r is no region" % region, hint="A region is, for example, cn-hangzhou")
        return self.endpoint.replace("{region}", region)


class Transport:
    """Makes calls with the credentials of *provider*. Thread-safe.

    *clock* gives the Unix time of the signatures; *timer* measures and waits: pace, backoff and deadline.
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
        """Begin a new task: the deadline counts from now."""
        self._ends_at = self._timer.now() + self.settings.deadline

    def close(self) -> None:
        """Close the kept connections."""
        self._connections.close()

    def call(self, service: Service, action: str, region: str, parameters: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
        """Return the answer to one operation. *parameters* may hold lists (``Name.N``), dicts, booleans; None is left out.

        Raise ApiError.
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
        return self._request_with_retries(where, lambda: self._once(where, url, headers))

    def _request_with_retries(
        self, where: _errors.Where, once: t.Callable[[], t.Dict[str, t.Any]]
    ) -> t.Dict[str, t.Any]:
        pacer = self._pacers.of(where.region, where.action)
        began, failures, throttles, starving = self._timer.now(), 0, 0, 0
        self._wait(pacer.reserve(), self._too_late(where))
        while True:
            try:
                answer = once()
            except _errors.ApiError as exc:
                if exc.kind == "throttled" and self.settings.retries:
                    starving = min(starving + 1, 2) if pacer.throttled() else starving + 1
                    throttles += 1
                    wait = _jitter(_THROTTLED_BACK_OFF, starving - 1, _LONGEST_THROTTLED_BACK_OFF) + pacer.reserve()
                elif exc.kind == "transient" and failures < self.settings.retries:
                    failures += 1
                    wait = _jitter(_BACK_OFF, failures - 1, _LONGEST_BACK_OFF)
                else:
                    raise _errors.gave_up(exc, failures + throttles + 1, self._timer.now() - began) from None
                self._wait(
                    max(wait, exc.retry_after or 0.0),
                    _errors.gave_up(exc, failures + throttles, self._timer.now() - began),
                )
            else:
                pacer.succeeded()
                return answer

    def _wait(self, seconds: float, error: _errors.ApiError) -> None:
        """Wait; raise *error* where the deadline comes first."""
        if self._timer.now() + seconds >= self._ends_at:
            raise error
        if seconds > 0:
            self._timer.sleep(seconds)

    def _too_late(self, where: _errors.Where) -> _errors.ApiError:
        reason = "the deadline of %g s for the whole task has passed" % self.settings.deadline
        return _errors.no_answer(where, reason, "Raise 'api_deadline', or do less in one task")

    def _once(self, where: _errors.Where, url: str, headers: t.Mapping[str, str]) -> t.Dict[str, t.Any]:
        """One try; a second one where the API calls temporary credentials expired and there are newer ones."""
        credentials = self._provider.current()
        try:
            return self._exchange(where, url, headers, credentials)
        except _errors.ApiError as exc:
            if not exc.code.startswith("InvalidSecurityToken"):
                raise
            renewed = self._provider.renewed(instead_of=credentials)
            if renewed is None:
                raise
        return self._exchange(where, url, headers, renewed)

    def _exchange(
        self, where: _errors.Where, url: str, headers: t.Mapping[str, str], credentials: Credentials
    ) -> t.Dict[str, t.Any]:
        left = self._ends_at - self._timer.now()
        if left <= 0:
            raise self._too_late(where)
        try:
            answer = self._connections.post(
                url, headers, V3Auth(credentials, self._clock), min(self.settings.timeout, left)
            )
        except _http.NoAnswer as exc:
            raise _errors.no_answer(where, exc.reason, exc.hint, exc.final) from None
        return _understood(where, answer, credentials, self._clock())


def _understood(where: _errors.Where, answer: _http.Answer, credentials: Credentials, now: float) -> t.Dict[str, t.Any]:
    """The JSON object of a good answer; raise ApiError for every other one."""
    try:
        content = json.loads(answer.body)
    except ValueError:
        content = None
    if answer.status == 200 and isinstance(content, dict):
        return content
    if answer.status >= 400 and isinstance(content, dict) and content.get("Code"):
        scrubbed = dict(content, Message=_without_secrets(str(content.get("Message") or ""), credentials))
        error = _errors.refused(where, answer.status, scrubbed, answer.headers.get("Date"), now)
    elif answer.status == 429 or answer.status >= 500:
        error = _errors.refused(where, answer.status, {"Message": _what(answer, content)}, None, now)
    else:
        came_back = "%d with %s instead of an answer" % (answer.status, _what(answer, content))
        error = _errors.unexpected(where, came_back, status=answer.status)
    error.retry_after = _asked_wait(answer.headers)
    raise error


def _what(answer: _http.Answer, content: t.Any) -> str:
    if 300 <= answer.status < 400:
        return "a redirect (which is not followed)"
    if "html" in answer.headers.get("Content-Type", "") or answer.body.lstrip()[:1] == b"<":
        return "an HTML page" if b"html" in answer.body[:1000].lower() else "an XML document"
    if content is not None or answer.body.strip() == b"null":
        return "JSON that is no JSON object of this API"
    return "broken JSON, %d bytes" % len(answer.body) if answer.body else "nothing"


def _without_secrets(message: str, credentials: Credentials) -> str:
    for secret in (credentials.access_key_secret, credentials.security_token):
        if secret:
            for form in (secret, quote(secret, safe="~"), quote(quote(secret, safe="~"), safe="~")):
                message = message.replace(form, "***")
    return message


def _asked_wait(headers: t.Mapping[str, str]) -> t.Optional[float]:
    """Seconds that the API asks to wait: its own header in milliseconds, or the standard one in seconds."""
    for name, unit in (("x-acs-retry-after", 0.001), ("Retry-After", 1.0)):
        value = headers.get(name, "")
        if value.isdigit() and len(value) < 9:
            return min(int(value) * unit, _LONGEST_ASKED)
    return None


def _jitter(base: float, times: int, longest: float) -> float:
    return random.uniform(0.0, min(longest, base * 2.0 ** min(times, 30)))


def check_endpoint(url: str, option: str) -> str:
    """*url* without a slash at its end; raise ValueError, naming *option*, where it is none to send credentials to."""
    parts = urlsplit(url.replace("{region}", "region"))
    host = parts.hostname or ""
    shown = "given" if "@" in url else repr(url)  # what is before an @ may be a password
    if parts.scheme not in ("http", "https") or not host or parts.path.strip("/") or "@" in url or parts.query:
        raise ValueError("the endpoint %s in %s must be https://HOST or https://HOST:PORT" % (shown, option))
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError("the endpoint %s in %s must be https://; http:// is for loopback addresses" % (shown, option))
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
