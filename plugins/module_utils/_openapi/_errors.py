# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of API calls.

Every message has the operation and the endpoint, the response, a hint on what to do, and the RequestId, which the vendor's support
needs. No message contains a secret.
"""

import calendar
import email.utils
import time
import typing as t

from .._common._text import one_line

_MAX_LENGTH = 400


class Where(t.NamedTuple):
    """Identify a call: for example ecs, ModifyInstanceMetadataOptions, cn-hangzhou, https://ecs.cn-hangzhou.aliyuncs.com."""

    product: str
    action: str
    region: str
    endpoint: str

    def __str__(self) -> str:
        region = " in %s" % self.region if self.region else ""
        return "%s%s at %s" % (self.action, region, self.endpoint)


class ApiError(Exception):
    """A call failed, or could not be sent.

    ``kind`` is throttled, transient (a retry may succeed), forbidden, not_found, invalid, unexpected (not a response of this API) or
    credentials (none that are valid). ``code`` is the error code of the API, such as ``Forbidden.RAM``, or empty. ``status`` is None
    without a response. ``hint`` says what to do. ``sent`` is false if no request can have reached the API. ``after_deadline`` is true if
    the deadline of the task had passed before the request.
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
        self.sent = True
        self.after_deadline = False
        #: Seconds to wait that the API requested, or None.
        self.retry_after: t.Optional[float] = None


def credentials(text: str, hint: str = "") -> ApiError:
    """Return an error about missing or invalid credentials."""
    return ApiError("credentials", text, hint=hint)


def no_response(where: Where, reason: str, hint: str, final: bool = False) -> ApiError:
    """Return an error about a call without a response; *final* means that a retry cannot succeed."""
    return ApiError("unexpected" if final else "transient", "%s: %s" % (where, reason), hint=hint)


def unexpected(where: Where, response: str, hint: str = "", status: t.Optional[int] = None) -> ApiError:
    """Return an error about a response that does not have the form of an API response."""
    hint = hint or "Another server or a proxy may have sent it; check 'api_endpoint' and the proxy settings"
    return ApiError("unexpected", "%s: %s" % (where, response), status=status, hint=hint)


def refused(where: Where, status: int, response: t.Mapping[str, t.Any], date: t.Optional[str], now: float) -> ApiError:
    """Return the error of an error response: its fields, its Date header, and the local time *now* (Unix time)."""
    code, message, request_id = [_one_line(response.get(name)) for name in ("Code", "Message", "RequestId")]
    kind = _kind(code, status)
    hint = _hint(where, code, response, date, now) or _KIND_HINTS.get(kind, "")
    text = "%s: %d %s: %s" % (where, status, code, message or "no message")
    return ApiError(kind, text, code, message, request_id, status, hint)


def gave_up(error: ApiError, tries: int, seconds: float) -> ApiError:
    """Return *error* with the number of tries and the time in its message."""
    if tries > 1:
        error.args = ("%s (gave up after %d tries in %.0f s)" % (error, tries, seconds),)
    return error


def _one_line(value: t.Any) -> str:
    return one_line(str(value or ""), _MAX_LENGTH)


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
        "The account has used up its quota for this operation in this region, which other users and tools share;"
        " lower 'max_concurrency', raise 'api_deadline', or request a higher quota in Quota Center"
    ),
    "transient": "The service still failed after all retries; try again later, or raise 'api_retries' or 'api_deadline'",
    "forbidden": "The RAM policies of the access key's identity do not permit this operation; check them",
}
_HINTS = (
    (
        "InvalidAccessKeyId.Inactive",
        "The access key is disabled; enable it in the RAM console, or use another access key",
    ),
    (
        "InvalidAccessKeyId",
        "The access key does not exist, or belongs to the other site of Alibaba Cloud (China or international); check 'access_key_id'",
    ),
    (
        "SignatureDoesNotMatch",
        "The access key secret does not belong to this access key ID; check both values for missing or additional characters",
    ),
    ("InvalidSecurityToken.Expired", "The temporary credentials have expired; get new ones"),
    (
        "InvalidSecurityToken",
        "The security token does not belong to this access key; use all three values of the same temporary credentials",
    ),
    ("MissingSecurityToken", "This access key is temporary (STS...): also set its 'security_token'"),
    ("InvalidRegionId", "The region does not exist or the account cannot use it; check the region ID"),
    (
        "InvalidInstanceId",
        "The instance does not exist in this region; check the instance ID, the region and the account",
    ),
    (
        "InvalidHttpTokens.NotSupported",
        "'http_tokens' must be optional or required, and Windows instances cannot require tokens",
    ),
    ("InvalidAction", "The endpoint does not support this operation; check 'api_endpoint'"),
    ("InvalidVersion", "The endpoint does not support this operation; check 'api_endpoint'"),
    ("OperationConflict", "Another operation on this instance is in progress; try again when it has finished"),
)


def _hint(where: Where, code: str, response: t.Mapping[str, t.Any], date: t.Optional[str], now: float) -> str:
    if code.startswith(("Forbidden", "NoPermission")):
        return _missing_action(where, response)
    if code.startswith("InvalidTimeStamp"):
        return _clock_hint(date, now)
    return next((hint for start, hint in _HINTS if code.startswith(start)), "")


def _missing_action(where: Where, response: t.Mapping[str, t.Any]) -> str:
    detail = response.get("AccessDeniedDetail")
    named = _one_line(detail.get("AuthAction")) if isinstance(detail, dict) else ""
    return "Grant the RAM action %s to the access key's identity" % (named or "%s:%s" % (where.product, where.action))


def _clock_hint(date: t.Optional[str], now: float) -> str:
    seconds = clock_difference(date, now)
    if seconds is None:
        return "The clock of this machine is wrong by more than 15 minutes; correct it, for example with NTP"
    if abs(seconds) < 60:
        return "The network or a proxy delayed the request for too long; try again"
    side = "behind" if seconds > 0 else "ahead of"
    return "The clock of this machine is %d s %s that of the service; correct it, for example with NTP" % (
        abs(seconds),
        side,
    )


def clock_difference(date: t.Optional[str], now: float) -> t.Optional[float]:
    """Return the seconds by which the Date header is ahead of *now* (Unix time), or None if it is missing or invalid."""
    parsed = email.utils.parsedate(date) if date else None
    try:
        return calendar.timegm(time.struct_time(parsed + (0,) * (9 - len(parsed)))) - now if parsed else None
    except (ValueError, OverflowError):
        return None
