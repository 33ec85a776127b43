# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which page of a list is asked for, and how does its answer name the next one?

Two ways, of which NextToken wins: MaxResults with NextToken, and PageNumber with PageSize. A token belongs to one
account and one question (all parameters but those of paging): with another it is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import typing as t

from .errors import ApiError

PAGING = ("NextToken", "MaxResults", "PageNumber", "PageSize", "DryRun")
SMALLEST, LARGEST = 10, 100


class Page(t.NamedTuple):
    size: int
    number: t.Optional[int]  #: from 1; None: pages by token
    after: int = 0  #: by token: the number of the last instance of the page before


class Pages:
    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def asked(self, account: str, parameters: t.Mapping[str, str]) -> Page:
        """Raises ApiError."""
        token = parameters.get("NextToken")
        if not token and not parameters.get("MaxResults"):
            size = whole(parameters, "PageSize", SMALLEST)
            number = whole(parameters, "PageNumber", 1)
            if size > LARGEST or size < 1:
                raise ApiError("InvalidParameter", name="PageSize")
            if number < 1:
                raise ApiError("InvalidParameter", name="PageNumber")
            return Page(size, number)
        size = min(LARGEST, max(SMALLEST, whole(parameters, "MaxResults", SMALLEST)))
        return Page(size, None, self._read(account, parameters, token) if token else 0)

    def token(self, account: str, parameters: t.Mapping[str, str], last: int) -> str:
        """32 hexadecimal digits, as the service's tokens."""
        place = "%08x" % last
        return place + self._seal(account, parameters, place)

    def _read(self, account: str, parameters: t.Mapping[str, str], token: str) -> int:
        place, seal = token[:8], token[8:]
        if not hmac.compare_digest(seal.encode("utf-8"), self._seal(account, parameters, place).encode("utf-8")):
            raise ApiError("InvalidParameter", name="NextToken")
        return int(place, 16)

    def _seal(self, account: str, parameters: t.Mapping[str, str], place: str) -> str:
        question: t.Dict[str, str] = {name: value for name, value in parameters.items() if name not in PAGING}
        text = repr((account, sorted(question.items()), place))
        return hmac.new(self._key, text.encode("utf-8"), hashlib.sha256).hexdigest()[:24]


def whole(parameters: t.Mapping[str, str], name: str, default: int) -> int:
    """A whole number. Raises ApiError."""
    text = parameters.get(name)
    if text is None or text == "":
        return default
    if not re.fullmatch("-?[0-9]{1,9}", text):
        raise ApiError("InvalidParameter", name=name)
    return int(text)


def flag(parameters: t.Mapping[str, str], name: str) -> bool:
    """``true`` or ``false``, in any case; false when absent. Raises ApiError."""
    text = parameters.get(name, "").lower()
    if text not in ("", "true", "false"):
        raise ApiError("InvalidParameter", name=name)
    return text == "true"
