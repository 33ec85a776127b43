# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse paging parameters and create page tokens.

Paging is by MaxResults and NextToken, or else by PageNumber and PageSize. A token is valid only for the account and the
parameters (without those of paging) of the call that returned it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import typing as t

from .errors import ApiError

T = t.TypeVar("T")
PAGING = ("NextToken", "MaxResults", "PageNumber", "PageSize", "DryRun")
SMALLEST, LARGEST = 10, 100
LARGEST_NUMBERED = 50  #: the largest page of launch templates, scaling groups and scaling configurations


class Page(t.NamedTuple):
    """A requested page."""

    size: int
    number: t.Optional[int]  #: from 1; None with NextToken paging
    after: int = 0  #: with NextToken paging: number of the last instance of the previous page


class Pages:
    """The page tokens, which are signed with a key of this process."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def requested(self, account: str, parameters: t.Mapping[str, str]) -> Page:
        """Return the page that the parameters request.

        Raises: ApiError.
        """
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
        """Return the token of the page after the instance with the number *last*: 32 hexadecimal digits."""
        place = "%08x" % last
        return place + self._seal(account, parameters, place)

    def _read(self, account: str, parameters: t.Mapping[str, str], token: str) -> int:
        place, seal = token[:8], token[8:]
        if not hmac.compare_digest(seal.encode("utf-8"), self._seal(account, parameters, place).encode("utf-8")):
            raise ApiError("InvalidParameter", name="NextToken")
        return int(place, 16)

    def _seal(self, account: str, parameters: t.Mapping[str, str], place: str) -> str:
        filters: t.Dict[str, str] = {name: value for name, value in parameters.items() if name not in PAGING}
        text = repr((account, sorted(filters.items()), place))
        return hmac.new(self._key, text.encode("utf-8"), hashlib.sha256).hexdigest()[:24]


def whole(parameters: t.Mapping[str, str], name: str, default: int) -> int:
    """Return a parameter as a whole number.

    Raises: ApiError.
    """
    text = parameters.get(name)
    if text is None or text == "":
        return default
    if not re.fullmatch("-?[0-9]{1,9}", text):
        raise ApiError("InvalidParameter", name=name)
    return int(text)


def flag(parameters: t.Mapping[str, str], name: str) -> bool:
    """Return a Boolean parameter, ignoring case; false if it is absent.

    Raises: ApiError.
    """
    text = parameters.get(name, "").lower()
    if text not in ("", "true", "false"):
        raise ApiError("InvalidParameter", name=name)
    return text == "true"


def numbered_page(parameters: t.Mapping[str, str], items: t.Sequence[T]) -> t.Tuple[t.Dict[str, int], t.Sequence[T]]:
    """Return the paging fields of a response, and the items on the page that PageNumber and PageSize request.

    Raises: ApiError.
    """
    size, number = whole(parameters, "PageSize", SMALLEST), whole(parameters, "PageNumber", 1)
    if not 1 <= size <= LARGEST_NUMBERED or number < 1:
        raise ApiError("InvalidParameter", name="PageNumber" if number < 1 else "PageSize")
    fields = {"TotalCount": len(items), "PageNumber": number, "PageSize": size}
    return fields, items[(number - 1) * size : number * size]
