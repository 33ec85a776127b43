# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Comparison with the vendor's SDK: for the same request, every byte of the signature is the same."""

from __future__ import annotations

import json
from unittest import mock

import pytest
import requests
from ansible_collections.alicloud.imds.plugins.module_utils._openapi import _signing
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._credentials import Credentials
from hypothesis import example, given, settings
from hypothesis import strategies as st

from .scripted import Server, reply

ecs = pytest.importorskip("alibabacloud_ecs20140526.client", reason="the vendor's SDK is not installed")
from alibabacloud_ecs20140526 import models as ecs_models  # noqa: E402
from alibabacloud_tea_openapi import utils as sdk  # noqa: E402
from alibabacloud_tea_openapi import utils_models as sdk_models  # noqa: E402
from darabonba.request import DaraRequest  # noqa: E402
from darabonba.runtime import RuntimeOptions  # noqa: E402

pytestmark = pytest.mark.slow

NAMES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=12)
TEXT = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["", " ", "a b", "+", "%", "%20", "~", "*", "/", "a=b&c", "i-bp1", "名字", "é", "\U0001f600", "a\nb"]
    ),
)
SCALARS = st.one_of(TEXT, st.booleans(), st.integers(), st.none())
VALUES = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=4), st.lists(st.dictionaries(NAMES, SCALARS, max_size=3), max_size=3)
)
KEYS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789", min_size=1, max_size=30)
HEADER = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
SHA256_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def sdk_signature(method: str, parameters: dict, headers: dict, key: str, secret: str) -> tuple[str, str, str]:
    """(canonical request, string to sign, Authorization), intercepted in the SDK."""
    request = DaraRequest()
    request.method, request.pathname, request.query = method, "/", sdk.Utils.query(parameters)
    request.headers = headers
    hashed, signed = [], []
    real_hash, real_sign = sdk.Utils.hash, sdk.signature_method
    spy_hash = mock.patch.object(sdk.Utils, "hash", lambda raw, kind: hashed.append(raw) or real_hash(raw, kind))
    spy_sign = mock.patch.object(sdk, "signature_method", lambda *args: signed.append(args[1]) or real_sign(*args))
    with spy_hash, spy_sign:
        authorization = sdk.Utils.get_authorization(request, "ACS3-HMAC-SHA256", SHA256_OF_NOTHING, key, secret)
    return hashed[0].decode(), signed[0], authorization


@settings(max_examples=400)
@given(
    method=st.sampled_from(["GET", "POST"]),
    parameters=st.dictionaries(NAMES, VALUES, max_size=8),
    headers=st.dictionaries(st.sampled_from(["x-acs-action", "user-agent", "X-Acs-Version", "accept"]), HEADER),
    key=KEYS,
    secret=KEYS,
    token=st.one_of(st.none(), HEADER),
)
@example("POST", {"DryRun": True, "Tag": [{"Key": "a b", "Value": "名"}], "Ids": []}, {}, "k", "s", None)
def test_the_three_strings_are_those_of_the_sdk(method, parameters, headers, key, secret, token) -> None:
    headers = {**headers, "host": "ecs.cn-hangzhou.aliyuncs.com", "x-acs-content-sha256": SHA256_OF_NOTHING}
    if token:
        headers.update({"x-acs-accesskey-id": key, "x-acs-security-token": token})
    flat = _signing.flatten(parameters)
    assert flat == sdk.Utils.query(parameters)
    ours = _signing.sign(method, "/", _signing.canonical_query(flat), headers, SHA256_OF_NOTHING, key, secret)
    assert tuple(ours) == sdk_signature(method, parameters, headers, key, secret)


@settings(max_examples=250)
@given(
    parameters=st.dictionaries(NAMES, VALUES, max_size=8),
    body=st.one_of(st.none(), st.just(b""), st.binary(min_size=1, max_size=50)),
    key=KEYS,
    secret=KEYS,
    token=st.one_of(st.none(), HEADER),
)
def test_a_request_signed_by_v3auth_has_the_authorization_of_the_sdk(parameters, body, key, secret, token) -> None:
    url = "https://ecs.cn-hangzhou.aliyuncs.com/?" + _signing.canonical_query(_signing.flatten(parameters))
    auth = _signing.V3Auth(Credentials(key, secret, token), clock=lambda: 1795428000.0, nonce=lambda: "n" * 32)
    sent = requests.Request(
        "POST", url, headers={"x-acs-action": "A", "Accept": "application/json"}, data=body, auth=auth
    ).prepare()
    assert sent.headers["x-acs-date"] == "2026-11-23T10:00:00Z"
    given = {k: v for k, v in sent.headers.items() if k.lower() not in ("authorization", "content-length")}
    assert ("x-acs-security-token" in given) == bool(token)
    request = DaraRequest()
    request.method, request.pathname, request.query, request.headers = "POST", "/", sdk.Utils.query(parameters), given
    expected = sdk.Utils.get_authorization(request, "ACS3-HMAC-SHA256", given["x-acs-content-sha256"], key, secret)
    assert sent.headers["Authorization"] == expected
    assert bytes.fromhex(given["x-acs-content-sha256"]) == sdk.Utils.hash(body or b"", "ACS3-HMAC-SHA256")


def call_sdk(server: Server, token: str | None) -> None:
    """Call DescribeInstances of the SDK over a socket."""
    config = sdk_models.Config(
        access_key_id="LTAItest", access_key_secret="secret-of-the-test", security_token=token,
        type="sts" if token else None, endpoint=server.address, protocol="HTTP", region_id="cn-hangzhou",
    )  # fmt: skip
    tags = [ecs_models.DescribeInstancesRequestTag(key="team name", value="größe/*~")]
    request = ecs_models.DescribeInstancesRequest(
        region_id="cn-hangzhou", additional_attributes=["META_OPTIONS"], dry_run=False, tag=tags, max_results=100,
        instance_ids=json.dumps(["i-1", "i-2"]), instance_name="",
    )  # fmt: skip
    ecs.Client(config).describe_instances_with_options(request, RuntimeOptions())


@pytest.mark.parametrize("token", [None, "CAIS+/token=="])
def test_the_request_of_the_sdk_has_the_same_signature_here(token) -> None:
    page = {"RequestId": "r", "Instances": {"Instance": []}}
    with Server([reply(page)]) as server:
        call_sdk(server, token)
    [seen] = server.requests
    assert (seen.method, seen.path, seen.body) == ("POST", "/", b"")
    assert seen.headers["host"] == server.address  # with the port
    unsigned = {"authorization", "content-length", "connection", "accept-encoding"}
    signed = set(seen.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";"))
    assert signed == set(seen.headers) - unsigned
    ours = requests.Request(
        "POST",
        "http://%s/?%s" % (server.address, seen.query),
        headers={name: seen.headers[name] for name in signed if name in _SENT_BY_CALLERS},
        auth=_signing.V3Auth(
            Credentials("LTAItest", "secret-of-the-test", token),
            clock=lambda: sdk_time(seen.headers["x-acs-date"]),
            nonce=lambda: seen.headers["x-acs-signature-nonce"],
        ),
    ).prepare()
    assert {k.lower(): v for k, v in ours.headers.items() if k != "Content-Length"} == {
        name: seen.headers[name] for name in signed | {"authorization"}
    }


_SENT_BY_CALLERS = {"x-acs-action", "x-acs-version", "x-acs-credentials-provider", "accept", "user-agent"}


def sdk_time(date: str) -> float:
    import calendar
    import time

    return float(calendar.timegm(time.strptime(date, "%Y-%m-%dT%H:%M:%SZ")))


def test_each_request_has_its_own_nonce() -> None:
    auth = _signing.V3Auth(Credentials("k", "s"))
    sent = [requests.Request("POST", "https://h/?a=1", auth=auth).prepare().headers for _turn in range(50)]
    assert len({headers["x-acs-signature-nonce"] for headers in sent}) == 50


def test_repr_has_no_secret() -> None:
    auth = _signing.V3Auth(Credentials("LTAIid", "very-secret-secret", "very-secret-token"))
    assert "very-secret" not in repr(auth) + repr(vars(auth))
