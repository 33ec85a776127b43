# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials, and the object that keeps them valid. This module util is private to the collection."""

from __future__ import annotations

import threading
import time
import typing as t

from .._common._utc import parse_utc
from .._imds._secrets import register_secret

# The vendor's clients renew a quarter of an hour before the end; an instance's role has new ones half an hour before.
_MARGIN = 900.0
_PAUSE = 60.0


class Credentials:
    """An access key. ``security_token`` and ``expires_at`` (Unix time) are None for keys that do not end.

    Secrets never show in its text form, and are registered with ansible-core.
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

    def unusable(self) -> t.Optional[str]:
        """The name of a value with characters that no header may have and no key has, or None."""
        for name in ("access_key_id", "access_key_secret", "security_token"):
            if not all("!" <= char <= "~" for char in getattr(self, name) or ""):
                return name
        return None


class _Kept(t.NamedTuple):
    credentials: Credentials
    renew_at: t.Optional[float]

    def good(self, now: float) -> bool:
        return self.renew_at is None or now < self.renew_at


class Provider:
    """Credentials that stay valid: fetched when first needed, renewed before they end. Thread-safe, one fetch at a time.

    *fetch* gives new ones or raises; ``source`` says in words where they come from; *clock* gives the Unix time.
    """

    def __init__(
        self, fetch: t.Callable[[], Credentials], source: str, clock: t.Callable[[], float] = time.time
    ) -> None:
        self.source = source
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: t.Optional[_Kept] = None

    def current(self) -> Credentials:
        """Credentials that are valid now. Raise what the source raises when there are none."""
        kept = self._kept
        if kept is not None and kept.good(self._clock()):
            return kept.credentials
        with self._lock:  # single flight: whoever comes while one thread fetches waits for its result
            now = self._clock()
            if self._kept is None or not self._kept.good(now):
                self._kept = self._renew(self._kept, now)
            return self._kept.credentials

    def renewed(self, instead_of: Credentials) -> t.Optional[Credentials]:
        """Other credentials than *instead_of*, which the API calls expired; None where the source has no others."""
        with self._lock:
            kept = self._kept
            if kept is None or (kept.credentials is instead_of and instead_of.expires_at is not None):
                kept = self._kept = _keep(self._fetch(), self._clock())
            fresh = kept.credentials
            return None if fresh.security_token == instead_of.security_token else fresh

    def _renew(self, before: t.Optional[_Kept], now: float) -> _Kept:
        try:
            return _keep(self._fetch(), now)
        except Exception:
            expires_at = before.credentials.expires_at if before is not None else None
            if before is None or expires_at is None or now + _PAUSE >= expires_at:
                raise
            return before._replace(renew_at=now + _PAUSE)  # still valid: ask again later


def _keep(credentials: Credentials, now: float) -> _Kept:
    if credentials.expires_at is None:
        return _Kept(credentials, None)
    # the share of what is left, so that a source that gives new ones late is not asked with every call
    left = max(credentials.expires_at - now, 0.0)
    return _Kept(credentials, credentials.expires_at - min(_MARGIN, left / 4.0))


def static(credentials: Credentials, source: str) -> Provider:
    """A provider of keys that were given."""
    return Provider(lambda: credentials, source)


def parse_expiration(text: str) -> float:
    """``2026-01-01T00:00:00Z`` as Unix time; raise ValueError for anything else."""
    if not text.endswith("Z"):
        raise ValueError("not a time in UTC: %.40r" % text)
    return parse_utc(text)
