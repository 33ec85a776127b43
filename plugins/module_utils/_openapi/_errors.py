# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong with the API, in the words of an operator. This module util is private to the collection.

Every message says what was asked of whom, what came back, the RequestId that support asks for, and what to do about it.
No message ever holds a secret.
"""

from __future__ import annotations

import calendar
import email.utils
import time
import typing as t

from .._common._text import one_line

_LONGEST = 400


class Where(t.NamedTuple):
    """Which call: for example ecs, ModifyInstanceMetadataOptions, cn-hangzhou, https://ecs.cn-hangzhou.aliyuncs.com."""

    product: str
    action: str
    region: str
    endpoint: str

    def __str__(self) -> str:
        region = " in %s" % self.region if self.region else ""
        return "%s%s at %s" % (self.action, region, self.endpoint)


class ApiError(Exception):
    """A call failed, or could not be made.

    ``kind`` is throttled, transient (worth another try), forbidden, not_found, invalid, unexpected (no answer of this API)
    or credentials (there are none). ``code`` is the API's, such as ``Forbidden.RAM``, or empty; ``status`` is None
    without an answer; ``hint`` is what to do about it.
    """

    def __init__(
        self,
        kind: str,
        text: str,
        code: str = "",
        message: str = "",
        request_id: str = "",
        status: t.Optional[int] = None,
        hint: str = "",
    ) -> None:
        parts = [text.rstrip(".") + "."]
        if hint:
            parts.append(hint.rstrip(".") + ".")
        if request_id:
            parts.append("RequestId: %s" % request_id)
        super().__init__(" ".join(parts))
        self.kind = kind
        self.code = code
        self.message = message
        self.request_id = request_id
        self.status = status
        self.hint = hint
        #: seconds that the API asks to wait, or None
        self.retry_after: t.Optional[float] = None


def credentials(text: str, hint: str = "") -> ApiError:
    """There are no usable credentials."""
    return ApiError("credentials", text, hint=hint)


def no_answer(where: Where, reason: str, hint: str, final: bool = False) -> ApiError:
    """No answer came; *final* where another try cannot help."""
    return ApiError("unexpected" if final else "transient", "%s: %s" % (where, reason), hint=hint)


def unexpected(where: Where, came_back: str, hint: str = "", status: t.Optional[int] = None) -> ApiError:
    """An answer that the API does not give."""
    hint = hint or "Something other than the API may be answering; check 'api_endpoint' and the proxy"
    return ApiError("unexpected", "%s: %s" % (where, came_back), status=status, hint=hint)


def refused(where: Where, status: int, answer: t.Mapping[str, t.Any], date: t.Optional[str], now: float) -> ApiError:
    """From an error answer: its fields, the Date header, and our own clock (Unix time)."""
    code, message, request_id = [_one_line(answer.get(name)) for name in ("Code", "Message", "RequestId")]
    kind = _kind(code, status)
    hint = _hint(where, code, answer, date, now) or _KIND_HINTS.get(kind, "")
    text = "%s: %d %s: %s" % (where, status, code, message or "no message")
    return ApiError(kind, text, code, message, request_id, status, hint)


def gave_up(error: ApiError, tries: int, seconds: float) -> ApiError:
    """The same error, saying how long it was tried."""
    if tries > 1:
        error.args = ("%s (gave up after %d tries in %.0f s)" % (error, tries, seconds),)
    return error


def _one_line(value: t.Any) -> str:
    return one_line(str(value or ""), _LONGEST)


_TRANSIENT = ("ServiceUnavailable", "InternalError", "OperationConflict", "SignatureNonceUsed", "LastTokenProcessing")
_FORBIDDEN = (
    "Forbidden", "NoPermission", "InvalidAccessKeyId", "InvalidSecurityToken", "MissingSecurityToken", "InvalidTimeStamp",
    "SignatureDoesNotMatch", "IncompleteSignature", "InvalidAccountStatus",
)  # fmt: skip


def _kind(code: str, status: int) -> str:
    if code.startswith("Throttling") or status == 429:
        return "throttled"
    if code.split(".")[0] in _TRANSIENT or status >= 500:
        return "transient"
    if code.startswith(_FORBIDDEN) or status in (401, 403):
        return "forbidden"
    if code.endswith(".NotFound") or status == 404:
        return "not_found"
    return "invalid"


_KIND_HINTS = {
    "throttled": (
        "The account's quota of this operation in this region is used up, also by other users and tools;"
        " lower 'max_concurrency', raise 'api_deadline', or ask for more in Quota Center"
    ),
    "transient": "The service failed, also when asked again; try later, or raise 'api_retries' or 'api_deadline'",
    "forbidden": "The identity behind the access key may not do this; check its RAM policies",
}
_HINTS = (
    ("InvalidAccessKeyId.Inactive", "The access key is disabled; enable it in the RAM console, or use another one"),
    (
        "InvalidAccessKeyId",
        "The access key does not exist (any more), or belongs to another site of Alibaba Cloud (China or international)",
    ),
    (
        "SignatureDoesNotMatch",
        "The access key secret does not belong to this access key id; check for a cut or padded value",
    ),
    ("InvalidSecurityToken.Expired", "The temporary credentials have expired; get new ones"),
    (
        "InvalidSecurityToken",
        "The security token does not belong to this access key; temporary credentials are three values of one answer",
    ),
    ("MissingSecurityToken", "This access key is a temporary one (STS...): give its 'security_token' too"),
    ("InvalidRegionId", "There is no such region, or the account may not use it; check the region's spelling"),
    ("InvalidInstanceId", "There is no such instance in this region; check the id, the region and the account"),
    (
        "InvalidHttpTokens.NotSupported",
        "'http_tokens' must be optional or required, and Windows instances cannot require tokens",
    ),
    ("InvalidAction", "This endpoint does not know the operation; check 'api_endpoint'"),
    ("InvalidVersion", "This endpoint does not know the operation; check 'api_endpoint'"),
    ("OperationConflict", "Another operation on this instance is in progress; try again when it is done"),
)


def _hint(where: Where, code: str, answer: t.Mapping[str, t.Any], date: t.Optional[str], now: float) -> str:
    if code.startswith(("Forbidden", "NoPermission")):
        return _missing_action(where, answer)
    if code.startswith("InvalidTimeStamp"):
        return _clock_hint(date, now)
    return next((hint for start, hint in _HINTS if code.startswith(start)), "")


def _missing_action(where: Where, answer: t.Mapping[str, t.Any]) -> str:
    detail = answer.get("AccessDeniedDetail")
    named = _one_line(detail.get("AuthAction")) if isinstance(detail, dict) else ""
    return "Grant the RAM action %s to the identity behind the access key" % (
        named or "%s:%s" % (where.product, where.action)
    )


def _clock_hint(date: t.Optional[str], now: float) -> str:
    seconds = clock_difference(date, now)
    if seconds is None:
        return "The clock of this machine is wrong by more than 15 minutes; set it (NTP)"
    if abs(seconds) < 60:
        return "The request was on its way for too long, or was delayed by a proxy; try again"
    side = "behind" if seconds > 0 else "ahead of"
    return "The clock of this machine is %d s %s the service's; set it (NTP)" % (abs(seconds), side)


def clock_difference(date: t.Optional[str], now: float) -> t.Optional[float]:
    """Seconds by which the Date header of an answer is after *now*; None where there is no usable one."""
    parsed = email.utils.parsedate(date) if date else None
    try:
        return calendar.timegm(time.struct_time(parsed + (0,) * (9 - len(parsed)))) - now if parsed else None
    except (ValueError, OverflowError):
        return None
