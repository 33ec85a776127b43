# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Issue tokens and check their validity."""

from __future__ import annotations

import base64
import heapq
import secrets
import threading
import typing as t

from .clock import Clock

MINIMUM_TTL = 1
MAXIMUM_TTL = 21600


class Token:
    """An issued token. `expires` is in seconds of the monotonic clock."""

    __slots__ = ("instance_id", "expires", "uses")

    def __init__(self, instance_id: str, expires: float) -> None:
        self.instance_id = instance_id
        self.expires = expires
        self.uses = 0


class TokenStore:
    """The tokens of all instances until they expire. Safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens: t.Dict[str, Token] = {}
        self._expiry: t.List[t.Tuple[float, str]] = []
        self._lock = threading.Lock()

    def issue(self, instance_id: str, ttl: int) -> str:
        """Return a new token: 56 characters of Base64. Clients must send `+`, `/` and `=` unchanged."""
        text = base64.b64encode(secrets.token_bytes(40)).decode("ascii")
        with self._lock:
            expires = self._clock.steady() + ttl
            self._tokens[text] = Token(instance_id, expires)
            heapq.heappush(self._expiry, (expires, text))
            self._forget_expired()
        return text

    def use(self, text: str, dies_after: t.Optional[int] = None) -> t.Optional[t.Tuple[str, int]]:
        """Count one use and return (instance ID, seconds left), or None if the token is unknown, expired or used up.

        A token is used up after *dies_after* uses; None means no limit.
        """
        with self._lock:
            token = self._tokens.get(text)
            if token is None or token.expires <= self._clock.steady():
                return None
            if dies_after is not None and token.uses >= dies_after:
                del self._tokens[text]
                return None
            token.uses += 1
            return token.instance_id, int(token.expires - self._clock.steady())

    def drop(self, instance_id: str) -> None:
        """Revoke all tokens of an instance."""
        with self._lock:
            self._tokens = {text: token for text, token in self._tokens.items() if token.instance_id != instance_id}

    def _forget_expired(self) -> None:
        while self._expiry and self._expiry[0][0] <= self._clock.steady():
            self._tokens.pop(heapq.heappop(self._expiry)[1], None)
