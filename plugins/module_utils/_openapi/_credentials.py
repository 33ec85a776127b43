# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials, and a provider that renews them before they expire."""

import threading
import time
import typing as t

from .._imds._secrets import register_secret

# The vendor's SDKs renew 15 minutes before the expiration. The metadata service has new credentials 30 minutes before it.
_RENEWAL_MARGIN = 900.0
_RETRY_INTERVAL = 60.0


class Credentials:
    """An access key. ``security_token`` and ``expires_at`` (Unix time) are None for keys that do not expire.

    ``repr`` does not contain secrets. They are registered with ansible-core, which masks them in all output.
    """

    __slots__ = ("access_key_id", "access_key_secret", "security_token", "expires_at")

    def __init__(
        self,
        access_key_id: str,
        access_key_secret: str,
        security_token: t.Optional[str] = None,
        expires_at: t.Optional[float] = None,
    ) -> None:
        self.access_key_id = access_key_id
        self.access_key_secret = access_key_secret
        self.security_token = security_token or None
        self.expires_at = expires_at
        register_secret(access_key_secret)
        register_secret(self.security_token)

    def __repr__(self) -> str:
        return "Credentials(%s...)" % self.access_key_id[:4]

    def invalid_field(self) -> t.Optional[str]:
        """Return the name of the first value with characters that are not allowed in an HTTP header, or None."""
        for name in ("access_key_id", "access_key_secret", "security_token"):
            if not all("!" <= char <= "~" for char in getattr(self, name) or ""):
                return name
        return None


class _Cached(t.NamedTuple):
    credentials: Credentials
    renew_at: t.Optional[float]

    def is_fresh(self, now: float) -> bool:
        return self.renew_at is None or now < self.renew_at


class Provider:
    """Provide valid credentials: fetched when first needed, renewed before they expire. Thread-safe, with one fetch at a time.

    *fetch* returns new credentials or raises; ``source`` describes their origin; *clock* returns the Unix time.
    """

    def __init__(
        self, fetch: t.Callable[[], Credentials], source: str, clock: t.Callable[[], float] = time.time
    ) -> None:
        self.source = source
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._cached: t.Optional[_Cached] = None

    def current(self) -> Credentials:
        """Return valid credentials; raise the exception of *fetch* if it fails and the present ones are about to expire."""
        cached = self._cached
        if cached is not None and cached.is_fresh(self._clock()):
            return cached.credentials
        with self._lock:  # other threads wait for the result of the one that fetches
            now = self._clock()
            if self._cached is None or not self._cached.is_fresh(now):
                self._cached = self._renew(self._cached, now)
            return self._cached.credentials

    def replace(self, rejected: Credentials) -> t.Optional[Credentials]:
        """Return credentials that replace *rejected*, which the API refused as expired; None if the source has no others."""
        with self._lock:
            cached = self._cached
            if cached is None or (cached.credentials is rejected and rejected.expires_at is not None):
                cached = self._cached = _cache(self._fetch(), self._clock())
            fresh = cached.credentials
            return None if fresh.security_token == rejected.security_token else fresh

    def _renew(self, before: t.Optional[_Cached], now: float) -> _Cached:
        try:
            return _cache(self._fetch(), now)
        except Exception:
            expires_at = before.credentials.expires_at if before is not None else None
            if before is None or expires_at is None or now + _RETRY_INTERVAL >= expires_at:
                raise
            return before._replace(renew_at=now + _RETRY_INTERVAL)  # still valid: retry later


def _cache(credentials: Credentials, now: float) -> _Cached:
    if credentials.expires_at is None:
        return _Cached(credentials, None)
    # A quarter of the remaining time at most: a source that renews its credentials late is not queried for every call.
    left = max(credentials.expires_at - now, 0.0)
    return _Cached(credentials, credentials.expires_at - min(_RENEWAL_MARGIN, left / 4.0))


def static(credentials: Credentials, source: str) -> Provider:
    """Return a provider of fixed keys."""
    return Provider(lambda: credentials, source)
