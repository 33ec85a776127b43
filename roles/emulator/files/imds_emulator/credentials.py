# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which temporary keys does the RAM role have now?

A new set appears ``rotate_seconds`` after the one before and lives ``overlap_seconds`` longer than that, so for that
time both are valid. By default: a life of 6 h, replaced 30 minutes before its end, as the service does.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import typing as t

from .clock import to_iso

ROTATE_SECONDS = 19800
OVERLAP_SECONDS = 1800


class RoleKeys:
    """The keys of one instance's role, made from a secret of this process: nothing has to be stored."""

    def __init__(self, role: t.Mapping[str, t.Any], seed: bytes, since: float) -> None:
        self._role = role
        self._seed = seed
        self._since = since
        self.rotate_seconds = float(role.get("rotate_seconds", ROTATE_SECONDS))
        self.overlap_seconds = float(role.get("overlap_seconds", OVERLAP_SECONDS))

    def document(self, now: float) -> str:
        """The JSON text under ``ram/security-credentials/<role>``."""
        return json.dumps(self._set(self._number(now)), separators=(",", ":"))

    def next_change(self, now: float) -> float:
        return self._since + (self._number(now) + 1) * self.rotate_seconds

    def find(self, access_key_id: str, now: float) -> t.Optional[t.Tuple[t.Mapping[str, str], float]]:
        """The set with this AccessKeyId and when it ends; also one that has ended not long ago."""
        newest = self._number(now)
        oldest = max(0, newest - 3 - int(self.overlap_seconds // self.rotate_seconds))
        for number in range(newest, oldest - 1, -1):
            if self._id(number) == access_key_id:
                return self._set(number), self._ends(number)
        return None

    def _id(self, number: int) -> str:
        return str(self._role.get("access_key_id") or "STS.N" + self._letters("id", number, 24))

    def _number(self, now: float) -> int:
        return max(0, int((now - self._since) // self.rotate_seconds))

    def _ends(self, number: int) -> float:
        return self._since + (number + 1) * self.rotate_seconds + self.overlap_seconds

    def _set(self, number: int) -> t.Mapping[str, str]:
        return {
            "AccessKeyId": self._id(number),
            "AccessKeySecret": self._role.get("access_key_secret", self._letters("secret", number, 44)),
            "Expiration": to_iso(self._ends(number)),
            "SecurityToken": self._role.get("security_token", "CAIS" + self._letters("token", number, 600)),
            "LastUpdated": to_iso(self._since + number * self.rotate_seconds),
            "Code": self._role.get("code", "Success"),
        }

    def _letters(self, purpose: str, number: int, length: int) -> str:
        result = ""
        while len(result) < length:
            message = "%s %d %d" % (purpose, number, len(result))
            digest = hmac.new(self._seed, message.encode("ascii"), hashlib.sha512).digest()
            result += base64.b64encode(digest).decode("ascii").replace("+", "a").replace("/", "b").rstrip("=")
        return result[:length]
