# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kind, message and hint of each error of the API."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._openapi import _errors

WHERE = _errors.Where("ecs", "ModifyInstanceMetadataOptions", "cn-hangzhou", "https://ecs.cn-hangzhou.aliyuncs.com")
NOW = 1795428000.0  # 2026-11-23 10:00:00 UTC


def refused(code: str, status: int = 400, date: str | None = None, **fields) -> _errors.ApiError:
    answer = {"Code": code, "Message": "Said no.", "RequestId": "473469C7", **fields}
    return _errors.refused(WHERE, status, answer, date, NOW)


@pytest.mark.parametrize(
    ("code", "status", "kind", "hint"),
    [
        ("Throttling", 400, "throttled", "Quota Center"),
        ("Throttling.User", 400, "throttled", "Quota Center"),
        ("Anything", 429, "throttled", "Quota Center"),
        ("ServiceUnavailable", 503, "transient", "try again later"),
        ("InternalError", 500, "transient", "try again later"),
        ("Other", 502, "transient", "try again later"),
        ("OperationConflict", 409, "transient", "Another operation"),
        ("SignatureNonceUsed", 400, "transient", "try again later"),
        ("Forbidden.RAM", 403, "forbidden", "ecs:ModifyInstanceMetadataOptions"),
        ("NoPermission", 403, "forbidden", "ecs:ModifyInstanceMetadataOptions"),
        ("InvalidAccessKeyId.NotFound", 404, "forbidden", "does not exist"),
        ("InvalidAccessKeyId.Inactive", 400, "forbidden", "disabled"),
        ("SignatureDoesNotMatch", 400, "forbidden", "secret does not belong"),
        ("InvalidSecurityToken.Expired", 400, "forbidden", "have expired"),
        ("InvalidSecurityToken.Malformed", 400, "forbidden", "three values"),
        ("MissingSecurityToken", 400, "forbidden", "security_token"),
        ("Whatever", 403, "forbidden", "RAM policies"),
        ("InvalidRegionId.NotFound", 404, "not_found", "region does not exist"),
        ("InvalidInstanceId.NotFound", 404, "not_found", "instance does not exist"),
        ("InvalidHttpTokens.NotSupported", 400, "invalid", "Windows"),
        ("InvalidAction.NotFound", 404, "not_found", "api_endpoint"),
        ("InvalidParameter", 400, "invalid", ""),
    ],
)
def test_each_code_has_its_kind_and_hint(code, status, kind, hint) -> None:
    error = refused(code, status)
    assert (error.kind, error.code, error.status, error.request_id) == (kind, code, status, "473469C7")
    assert hint in error.hint
    assert error.hint in str(error)
    for part in (str(WHERE), str(status), code, "Said no.", "473469C7"):
        assert part in str(error)


def test_the_hint_names_the_denied_action_of_the_response() -> None:
    error = refused("Forbidden.RAM", 403, AccessDeniedDetail={"AuthAction": "ecs:DescribeTags"})
    assert "ecs:DescribeTags" in error.hint
    assert "Modify" not in error.hint


@pytest.mark.parametrize(
    ("date", "hint"),
    [
        ("Mon, 23 Nov 2026 11:00:00 GMT", "3600 s behind"),
        ("Mon, 23 Nov 2026 09:40:00 GMT", "1200 s ahead of"),
        ("Mon, 23 Nov 2026 10:00:30 GMT", "delayed the request for too long"),
        (None, "more than 15 minutes"),
        ("yesterday", "more than 15 minutes"),
        ("Mon, 23 Nov 999999999999 11:00:00 GMT", "more than 15 minutes"),
    ],
)
def test_the_hint_has_the_difference_of_the_clocks(date, hint) -> None:
    error = refused("InvalidTimeStamp.Expired", date=date)
    assert hint in error.hint
    assert error.kind == "forbidden"


def test_a_hostile_message_becomes_one_line_of_limited_length() -> None:
    error = refused("Bad", Message="a\nb\x1b[31m" + "x" * 10000)
    assert "\n" not in str(error) and "\x1b" not in str(error)
    assert len(str(error)) < 1000


@pytest.mark.parametrize("fields", [{"Code": None}, {"Code": 7, "Message": ["x"], "RequestId": {}}])
def test_fields_of_the_wrong_type_are_ignored(fields) -> None:
    assert refused("X", 400, **fields).kind == "invalid"


def test_the_number_of_tries_is_in_the_message() -> None:
    assert "gave up after 3 tries in 12 s" in str(_errors.gave_up(refused("InternalError", 500), 3, 12.1))
    assert "gave up" not in str(_errors.gave_up(refused("InternalError", 500), 1, 0.1))
