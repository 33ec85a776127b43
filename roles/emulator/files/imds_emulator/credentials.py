# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generate and rotate the temporary credentials of an instance's RAM role.

A new set is issued every `rotate_seconds`, and each set is valid for `rotate_seconds` + `overlap_seconds`. The default is
that of the service: valid for 6 h, replaced 30 minutes before the expiration.
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
    """The credentials of one instance's role, derived from a secret of this process, so that none are stored."""

    def __init__(self, role: t.Mapping[str, t.Any], seed: bytes, since: float) -> None:
        self._role = role
        self._seed = seed
        self._since = since
        self.rotate_seconds = float(role.get("rotate_seconds", ROTATE_SECONDS))
        self.overlap_seconds = float(role.get("overlap_seconds", OVERLAP_SECONDS))

    def document(self, now: float) -> str:
        """Return the JSON text of `ram/security-credentials/ROLE`, in the layout of the service, which scripts parse by line."""
        return json.dumps(self._set(self._number(now)), indent=2, separators=(",", " : "))

    def next_change(self, now: float) -> float:
        """Return when the next set is issued, in seconds since 1970."""
        return self._since + (self._number(now) + 1) * self.rotate_seconds

    def find(self, access_key_id: str, now: float) -> t.Optional[t.Tuple[t.Mapping[str, str], float]]:
        """Return (credentials, expiration time) of an AccessKeyId, also if recently expired, or None if unknown."""
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
