# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Regions and proxies of calls, and the errors for unreachable ones."""

from __future__ import annotations

import base64
import socket

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._openapi import _transport
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError

from .conftest import ECS
from .scripted import Server, reply

pytestmark = pytest.mark.slow

OK = reply({"RequestId": "R-OK"}, action="DescribeRegions")


def call(transport, service):
    return transport.call(service, "DescribeRegions", "cn-hangzhou", {})


def test_a_refused_connection_is_retried(make_transport, service, no_waiting) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = "http://127.0.0.1:%d" % held.getsockname()[1]
        with pytest.raises(ApiError, match="refused.*api_endpoint") as caught:
            call(make_transport(retries=2), service(url))
    assert caught.value.kind == "transient"
    assert len(no_waiting) == 2


def test_an_unknown_host_is_not_retried(make_transport, monkeypatch, no_waiting) -> None:
    def unknown(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    service = ECS._replace(endpoint="https://ecs.{region}.aliyuncs.com")
    with pytest.raises(ApiError, match="ecs.xx-nowhere.aliyuncs.com.*region") as caught:
        make_transport().call(service, "DescribeRegions", "xx-nowhere", {})
    assert caught.value.kind == "unexpected"
    assert no_waiting == []


@pytest.mark.parametrize("region", ["", "a/b", "evil.com#", "x y", "cn-hangzhou.evil", "-x", "A" * 70, "é"])
def test_a_region_cannot_change_the_host(make_transport, region) -> None:
    service = ECS._replace(endpoint="https://ecs.{region}.aliyuncs.com")
    with pytest.raises(ApiError, match="region") as caught:
        make_transport().call(service, "DescribeRegions", region, {})
    assert caught.value.kind == "invalid"


def test_a_setting_out_of_range_is_named() -> None:
    for name in ("timeout", "deadline", "retries"):
        with pytest.raises(ValueError, match="api_" + name):
            _transport.Settings(**{name: -1}).validate()


def test_a_proxy_of_the_environment_is_used(make_transport, monkeypatch) -> None:
    with Server(lambda seen: OK) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        # Only the proxy can resolve this address.
        service = ECS._replace(endpoint="http://localhost:1")
        assert call(make_transport(), service) == {"RequestId": "R-OK"}
        assert proxy.requests[0].headers["host"] == "localhost:1"
        monkeypatch.setenv("no_proxy", "localhost")
        with pytest.raises(ApiError, match="refused"):
            call(make_transport(retries=0), service)


@pytest.mark.parametrize("status", [403, 407])
def test_a_proxy_that_refuses_is_named_without_its_password(make_transport, monkeypatch, status) -> None:
    with Server(lambda seen: reply(b"no", status)) as proxy:
        monkeypatch.setenv("https_proxy", "http://user:pass-word@" + proxy.address)
        with pytest.raises(ApiError, match="proxy.*%d.*NO_PROXY" % status) as caught:
            call(make_transport(retries=0), ECS._replace(endpoint="https://ecs.{region}.aliyuncs.com"))
    assert "pass-word" not in str(caught.value)
    assert proxy.requests[0].headers["proxy-authorization"] == "Basic " + base64.b64encode(b"user:pass-word").decode()
    assert "authorization" not in proxy.requests[0].headers


def test_netrc_is_not_a_source_of_credentials(make_transport, service, tmp_path) -> None:
    (tmp_path / ".netrc").write_text("default login somebody password netrc-password\n")
    with Server([OK]) as server:
        call(make_transport(), service(server))
    assert server.requests[0].headers["authorization"].startswith("ACS3-HMAC-SHA256 ")
