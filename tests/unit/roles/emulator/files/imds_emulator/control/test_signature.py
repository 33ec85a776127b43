# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Authentication of V3 and V1 calls: key, signature, time and nonce."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, Optional

import pytest

from ..client import Instance
from .caller import KEY, SECRET, Caller, Reply, encode, now, query_of, send

pytestmark = pytest.mark.slow

#: One of each form: a method of Caller.
FORMS = ("v3", "v1")
MODIFY = "ModifyInstanceMetadataOptions"


def call(caller: Caller, form: str, region: str, **own: Any) -> Reply:
    reply: Reply = getattr(caller, form)("DescribeInstances", {"RegionId": region}, **own)
    return reply


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_right_signature(caller: Caller, form: str, method: str, region: str, instance: Instance) -> None:
    assert call(caller, form, region, method=method).ids() == [instance.id]


def test_v1_in_a_form(caller: Caller, region: str, instance: Instance) -> None:
    assert caller.v1_form("DescribeInstances", {"RegionId": region}).ids() == [instance.id]


def test_v3_with_parameters_in_a_form(caller: Caller, region: str, instance: Instance) -> None:
    body = query_of({"RegionId": region}).encode()
    form = "application/x-www-form-urlencoded"
    headers = caller.v3_headers("DescribeInstances", {}, body, content_type=form)
    assert send(caller.address, "POST", "/", headers, body).ids() == [instance.id]
    assert send(caller.address, "POST", "/", headers, body + b"&DryRun=true").code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("value", ["ü é 漢字 😀", "a b+c%20d/e~f*g'(h)!", "&=?#", ""])
def test_values_of_every_kind(caller: Caller, form: str, region: str, value: str, new_instance: Any) -> None:
    made = new_instance(tags={"key": value})
    parameters = {"RegionId": region, "Tag.1.Key": "key", "Tag.1.Value": value}
    assert getattr(caller, form)("DescribeInstances", parameters).ids() == [made.id]


@pytest.mark.parametrize("form", FORMS)
def test_unknown_key(address: str, form: str, region: str) -> None:
    reply = call(Caller(address, "LTAI5tNobody"), form, region)
    assert (reply.status, reply.code) == (404, "InvalidAccessKeyId.NotFound")


@pytest.mark.parametrize("form", FORMS)
def test_wrong_secret(address: str, form: str, region: str) -> None:
    reply = call(Caller(address, KEY, SECRET + "x"), form, region)
    assert (reply.status, reply.code) == (400, "SignatureDoesNotMatch")
    assert "server string to sign is:" in reply.data["Message"] and SECRET not in reply.text


def test_string_to_sign_can_be_hidden(address: str, region: str, control: Callable[..., Any]) -> None:
    control(echo_string_to_sign=False)
    message = call(Caller(address, KEY, "wrong"), "v1", region).data["Message"]
    assert "SignatureNonce" not in message


@pytest.mark.parametrize("name, value", [("HttpTokens", "optional"), ("InstanceId", "i-other"), ("Extra", "1")])
def test_tampered_parameter(caller: Caller, region: str, instance: Instance, name: str, value: str) -> None:
    signed = {"RegionId": region, "InstanceId": instance.id, "HttpEndpoint": "enabled", "HttpTokens": "required"}
    v3 = send(caller.address, "POST", "/?" + query_of({**signed, name: value}), caller.v3_headers(MODIFY, signed))
    v1 = send(caller.address, "GET", "/?" + query_of({**caller.v1_parameters(MODIFY, signed), name: value}), {})
    assert (v3.code, v1.code) == ("SignatureDoesNotMatch", "SignatureDoesNotMatch")
    assert instance.get("/latest/meta-data/").status == 200, "nothing has changed"


@pytest.mark.parametrize(
    "name, value",
    [("x-acs-action", "DescribeRegions"), ("x-acs-signature-nonce", "n"), ("x-acs-date", None)],
    ids=["action", "nonce", "date"],
)
def test_tampered_header(caller: Caller, region: str, name: str, value: Optional[str]) -> None:
    headers = caller.v3_headers("DescribeInstances", {"RegionId": region})
    tampered = {**headers, name: value or now(-60)}
    reply = send(caller.address, "POST", "/?" + query_of({"RegionId": region}), tampered)
    assert reply.code == "SignatureDoesNotMatch"


def test_tampered_body(caller: Caller, region: str) -> None:
    headers = caller.v3_headers("DescribeInstances", {"RegionId": region})
    reply = send(caller.address, "POST", "/?" + query_of({"RegionId": region}), headers, b"more")
    assert reply.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("name", ["x-acs-more", "content-type"])
def test_header_that_is_not_signed(caller: Caller, region: str, name: str) -> None:
    headers = caller.v3_headers("DescribeInstances", {"RegionId": region})
    reply = send(caller.address, "POST", "/?" + query_of({"RegionId": region}), {**headers, name: "text/plain"})
    assert reply.code == "SignatureDoesNotMatch"


def test_other_method_than_signed(caller: Caller, region: str) -> None:
    headers = caller.v3_headers("DescribeInstances", {"RegionId": region}, method="POST")
    assert send(caller.address, "GET", "/?" + query_of({"RegionId": region}), headers).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("form, name", [("v3", "x_acs_date"), ("v1", "Timestamp")])
@pytest.mark.parametrize(
    "offset, code", [(-930, "InvalidTimeStamp.Expired"), (930, "InvalidTimeStamp.Expired"), (-870, None), (870, None)]
)
def test_clock_skew(caller: Caller, form: str, name: str, offset: int, code: Any, region: str, instance: Any) -> None:
    assert call(caller, form, region, **{name: now(offset)}).code == code


@pytest.mark.parametrize("form, name", [("v3", "x_acs_date"), ("v1", "Timestamp")])
@pytest.mark.parametrize(
    "layout",
    ["%a, %d %b %Y %H:%M:%S GMT", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%SZ", "2026-13-01T00:00:00Z"],
    ids=["http-date", "without-zone", "with-space", "month-13"],
)
def test_malformed_time(caller: Caller, form: str, name: str, layout: str, region: str) -> None:
    text = time.strftime(layout, time.gmtime())
    assert call(caller, form, region, **{name: text}).code == "InvalidTimeStamp.Format"


def test_time_is_the_machines_and_not_the_emulators(emulator: Any, caller: Caller, region: str, instance: Any) -> None:
    emulator.advance(3600)
    assert call(caller, "v3", region).code is None


def test_own_clock_may_be_wrong(caller: Caller, region: str, control: Callable[..., Any]) -> None:
    control(clock_skew=1000)
    assert call(caller, "v3", region).code == "InvalidTimeStamp.Expired"


@pytest.mark.parametrize("form, name", [("v3", "x_acs_signature_nonce"), ("v1", "SignatureNonce")])
def test_replayed_nonce(caller: Caller, form: str, name: str, region: str, instance: Any) -> None:
    own = {name: "once-%d" % time.time_ns()}
    assert call(caller, form, region, **own).code is None
    replayed = call(caller, form, region, **own)
    assert (replayed.status, replayed.code) == (400, "SignatureNonceUsed")


def test_refused_call_uses_no_nonce_up(address: str, caller: Caller, region: str, instance: Any) -> None:
    own = {"x_acs_signature_nonce": "thief-%d" % time.time_ns()}
    assert call(Caller(address, KEY, "wrong"), "v3", region, **own).code == "SignatureDoesNotMatch"
    assert call(caller, "v3", region, **own).code is None


@pytest.mark.parametrize("name", ["x_acs_date", "x_acs_signature_nonce", "x_acs_content_sha256", "x_acs_version"])
def test_missing_header(caller: Caller, region: str, name: str) -> None:
    assert call(caller, "v3", region, **{name: None}).code == "MissingParameter"


@pytest.mark.parametrize(
    "name", ["AccessKeyId", "SignatureMethod", "SignatureVersion", "SignatureNonce", "Timestamp", "Version", "Action"]
)
def test_missing_parameter_of_v1(caller: Caller, region: str, name: str) -> None:
    assert call(caller, "v1", region, **{name: None}).code == "MissingParameter"


def test_no_signature_at_all(caller: Caller, region: str) -> None:
    headers = caller.v3_headers("DescribeInstances", {"RegionId": region})
    del headers["authorization"]
    assert send(caller.address, "POST", "/?RegionId=" + region, headers).code == "MissingParameter"
    bare = send(caller.address, "GET", "/?Format=JSON&Action=DescribeRegions&Version=2014-05-26", {})
    assert bare.code == "MissingParameter" and "AccessKeyId" in bare.data["Message"]


@pytest.mark.parametrize(
    "text, code",
    [
        ("Basic dTpw", "IncompleteSignature"),
        ("ACS3-HMAC-SHA256 Credential=a", "IncompleteSignature"),
        ("ACS3-HMAC-SM3 Credential=a,SignedHeaders=host,Signature=b", "UnsupportedSignatureMethod"),
    ],
)
def test_malformed_authorization(caller: Caller, region: str, text: str, code: str) -> None:
    headers = {**caller.v3_headers("DescribeInstances", {"RegionId": region}), "authorization": text}
    assert send(caller.address, "POST", "/?RegionId=" + region, headers).code == code


def test_other_method_of_v1(caller: Caller, region: str) -> None:
    assert call(caller, "v1", region, SignatureMethod="HMAC-SHA256").code == "UnsupportedSignatureMethod"


@pytest.mark.parametrize("query", ["RegionId=%ff", "RegionId=a&RegionId=b"])
def test_unreadable_parameters(caller: Caller, query: str) -> None:
    headers = caller.v3_headers("DescribeInstances", {})
    assert send(caller.address, "POST", "/?" + query, headers).code == "InvalidParameter"


def test_host_is_signed(caller: Caller, region: str) -> None:
    """Another Host header than the signed one: a call meant for another endpoint."""
    headers: Dict[str, str] = caller.v3_headers("DescribeInstances", {"RegionId": region}, host="ecs.aliyuncs.com")
    assert send(caller.address, "POST", "/?RegionId=" + encode(region), {**headers, "host": caller.address}).code == (
        "SignatureDoesNotMatch"
    )
