# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documented table of requests and statuses."""

from __future__ import annotations

from typing import Callable, Optional

import pytest

from .client import TOKEN, TOKEN_PATH, TTL, Instance, Reply, ask

pytestmark = pytest.mark.slow

DATA = "/latest/meta-data/instance-id"
PAGE = """<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
         "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>%(reason)s</title>
 </head>
 <body>
  <h1>%(reason)s</h1>
 </body>
</html>
"""
BAD_PARAMETERS = "400 - Missing or Invalid Parameters"


def is_page(reply: Reply, reason: str) -> bool:
    return reply.text == PAGE % {"reason": reason} and reply.headers["content-type"] == "text/html"


@pytest.mark.parametrize("ttl", ["1", "63", "180", "300", "3600", "18000", "21600"])
def test_row_0_put_with_a_ttl_that_real_clients_use(instance: Instance, ttl: str) -> None:
    reply = instance.put(ttl)
    assert reply.status == 200
    assert reply.headers["content-length"] == str(len(reply.body))
    assert reply.text.isascii() and reply.text.isprintable() and 16 <= len(reply.text) <= 256
    assert instance.get(DATA, reply.text).text == instance.id


@pytest.mark.parametrize(
    ("row", "ttl"),
    [
        ("row 1: above the range", "21700"),
        ("row 1: just above the range", "21601"),
        ("row 1: far above the range", "9" * 400),
        ("row 2: zero", "0"),
        ("row 2: negative", "-1"),
        ("row 3: a word", "abc"),
        ("row 3: a fraction", "1.5"),
        ("row 3: a sign", "+60"),
        ("row 3: an exponent", "6e1"),
        ("row 3: hexadecimal", "0x3c"),
        ("row 3: a unit", "60s"),
        ("row 3: other digits", "\u0666\u0660".encode().decode("latin-1")),
        ("row 3: an underscore", "6_0"),
        ("row 3: empty", ""),
        ("row 3: two values", "60, 60"),
        ("row 4: no header", None),
    ],
    ids=lambda value: value if value and value.startswith("row") else "",
)
def test_rows_1_to_4_put_with_a_bad_ttl(instance: Instance, row: str, ttl: Optional[str]) -> None:
    reply = instance.put(ttl)
    assert reply.status == 400
    assert is_page(reply, BAD_PARAMETERS)


@pytest.mark.parametrize("ttl", [None, "60", "abc"], ids=["no ttl", "good ttl", "bad ttl"])
def test_row_5_put_that_was_forwarded_is_refused_before_its_ttl_is_looked_at(instance: Instance, ttl: str) -> None:
    reply = instance.put(ttl, **{"X-Forwarded-For": "10.0.0.1"})
    assert reply.status == 403
    assert is_page(reply, "403 - Forbidden")


@pytest.mark.parametrize("http_tokens", ["optional", "required"])
def test_row_6_get_with_a_wrong_token(new_instance: Callable[..., Instance], http_tokens: str) -> None:
    reply = new_instance(http_tokens=http_tokens).get(DATA, "aaa")
    assert reply.status == 401
    assert is_page(reply, "401 - Unauthorized")


@pytest.mark.parametrize("http_tokens", ["optional", "required"])
def test_row_7_get_with_an_expired_token(new_instance: Callable[..., Instance], http_tokens: str) -> None:
    instance = new_instance(http_tokens=http_tokens)
    token = instance.token("100")
    instance.emulator.advance(99)
    assert instance.get(DATA, token).status == 200
    instance.emulator.advance(1)
    assert instance.get(DATA, token).status == 401


def test_row_8_get_with_the_token_of_another_instance(new_instance: Callable[..., Instance]) -> None:
    one, other = new_instance(), new_instance()
    token = one.token()
    assert other.get(DATA, token).status == 401
    assert one.get(DATA, token).text == one.id


@pytest.mark.parametrize("path", ["/", "/latest", "/latest/meta-data/", DATA, "/latest/user-data", "/nothing"])
def test_row_9_get_without_a_token_when_tokens_are_required(new_instance: Callable[..., Instance], path: str) -> None:
    """Listings and unknown paths too: nothing leaks that a token would have to be shown for."""
    reply = new_instance(http_tokens="required").get(path)
    assert reply.status == 403
    assert is_page(reply, "403 - Forbidden")


def test_row_10_get_without_a_token_when_tokens_are_optional(instance: Instance) -> None:
    assert instance.get(DATA).text == instance.id


@pytest.mark.parametrize("request_line", ["PUT " + TOKEN_PATH, "GET " + DATA, "GET /nothing", "POST " + DATA])
def test_row_11_anything_when_the_endpoint_is_disabled(
    new_instance: Callable[..., Instance], request_line: str
) -> None:
    instance = new_instance(http_endpoint="disabled")
    method, path = request_line.split()
    reply = ask(instance.address, path, {TTL: "60"}, method)
    assert reply.status == 403
    assert is_page(reply, "403 - Forbidden")


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/latest/nothing",
        "/latest/meta-data/nothing",
        "/latest/meta-data/instance-id/below",
        "/latest/meta-data/instance/spot/termination-time",
        "/latest/meta-data/kms-server",
        "/latest/meta-data/public-ipv4",
        "/latest/meta-data/tags/",
        "/latest/dynamic/instance-identity/signature",
        "/latest/api",
        "/latest/api/",
        "/2016-01-01/api/token",
        "/1.0/meta-data/",
        "/latest/META-DATA/",
    ],
)
def test_row_12_get_of_an_unknown_path_or_an_item_without_value(instance: Instance, path: str) -> None:
    reply = instance.get(path)
    assert reply.status == 404
    assert is_page(reply, "404 - Not Found")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "PATCH", "OPTIONS"])
def test_row_13_other_methods_on_the_token_path(instance: Instance, method: str) -> None:
    reply = ask(instance.address, TOKEN_PATH, {TTL: "60"}, method)
    assert reply.status == 405
    assert method == "HEAD" or is_page(reply, "405 - Method Not Allowed")


@pytest.mark.parametrize("path", ["", "wrong-name", "TestRole/"])
def test_row_14_wrong_role_name_or_no_role(new_instance: Callable[..., Instance], path: str) -> None:
    reply = new_instance(role=None).get("/latest/meta-data/ram/security-credentials/" + path)
    assert (reply.status, is_page(reply, "404 - Not Found")) == (404, True)
    with_role = new_instance().get("/latest/meta-data/ram/security-credentials/" + path)
    assert with_role.status == (404 if path else 200)


def test_row_15_user_data_that_is_not_set(new_instance: Callable[..., Instance]) -> None:
    assert new_instance().get("/latest/user-data").status == 404
    assert new_instance(user_data="").get("/latest/user-data").status == 200


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH", "OPTIONS", "BREW"])
def test_row_17_other_methods_on_data(instance: Instance, method: str) -> None:
    assert ask(instance.address, DATA, {TOKEN: instance.token()}, method).status == 405
