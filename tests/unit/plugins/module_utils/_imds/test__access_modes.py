# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probe the access modes of emulated instances."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _access_modes, _client
from ansible_collections.alicloud.imds.plugins.module_utils._imds._access_modes import probe
from ansible_collections.alicloud.imds.plugins.module_utils._imds._client import Client, Settings
from ansible_collections.alicloud.imds.plugins.module_utils._imds._dmi import Platform

from ....addresses import IPV4, IPV6, refused, silent


def modes_of(endpoint: str, **settings):
    client = Client(Settings(**{"endpoint": endpoint, "retries": 0, "timeout": 60.0, "deadline": 300.0, **settings}))
    try:
        return probe(client)
    finally:
        client.close()


REFUSED = {
    "forwarded_token_request": {"status": 403, "refused": True},
    "invalid_ttl_token_request": {"status": 400, "refused": True},
    "invalid_token_read": {"status": 401, "refused": True},
}


def test_required(instance) -> None:
    modes = modes_of(instance.endpoint)
    assert modes.verdict == "required"
    assert modes.problems == []
    assert modes.checks == {
        "normal_mode_read": {"status": 403, "answered": False},
        "token_read": {"status": 200, "answered": True},
        **REFUSED,
    }


def test_optional(instance) -> None:
    instance.set(http_tokens="optional")
    modes = modes_of(instance.endpoint)
    assert (modes.verdict, modes.problems) == ("optional", [])
    assert modes.checks["normal_mode_read"] == {"status": 200, "answered": True}
    assert [entry["mode"] for entry in instance.journal()].count("normal_mode") == 1


def test_each_normal_mode_request_is_recorded_before_it_is_sent(instance, monkeypatch) -> None:
    """The callers watch takes a request without a record for one of another program, which would block the host."""
    monkeypatch.setattr(_client, "_FIRST_BACKOFF", 0.01)
    sent: list[int] = []

    def record() -> None:
        sent.append(len([entry for entry in instance.journal() if entry["mode"] == "normal_mode"]))

    monkeypatch.setattr(_access_modes, "record", record)
    instance.fault(kind="status", status=503, on="data", times=2)
    assert modes_of(instance.endpoint, retries=2).verdict == "required"
    assert sent == [0, 1, 2]


@pytest.mark.parametrize("answer", [403, 404])
def test_disabled(instance, emulator, monkeypatch, answer) -> None:
    """On an ECS instance, at the service's own address, nothing else answers."""
    monkeypatch.setattr(_access_modes, "ENDPOINTS", (instance.endpoint,))
    monkeypatch.setattr(_access_modes, "read_platform", lambda: Platform(True, "Alibaba Cloud ECS"))
    instance.set(http_endpoint="disabled")
    emulator.switch(disabled_answer=answer)
    modes = modes_of(instance.endpoint)
    assert modes.verdict == "disabled"
    assert modes.checks["token_read"] == {"status": answer, "answered": False}


@pytest.mark.parametrize(("ecs", "own_address"), [(False, True), (None, True), (True, False)])
def test_status_404_of_another_server_is_not_disabled(instance, emulator, monkeypatch, ecs, own_address) -> None:
    if own_address:
        monkeypatch.setattr(_access_modes, "ENDPOINTS", (instance.endpoint,))
    monkeypatch.setattr(_access_modes, "read_platform", lambda: Platform(ecs, None))
    instance.set(http_endpoint="disabled")
    emulator.switch(disabled_answer=404)
    modes = modes_of(instance.endpoint)
    assert modes.verdict not in ("optional", "required", "disabled")
    assert any("404" in problem for problem in modes.problems)


def test_a_service_that_is_known_to_be_unreachable() -> None:
    modes = _access_modes.unreachable("no route")
    assert (modes.verdict, modes.problems) == ("unreachable", ["no route"])


def test_unreachable(free_port) -> None:
    modes = modes_of("http://127.0.0.1:%d" % free_port)
    assert (modes.verdict, modes.checks) == ("unreachable", {})
    assert "Connection refused" in modes.problems[0]


def test_the_modes_of_a_service_that_always_fails_are_unknown(instance) -> None:
    instance.fault(kind="status", status=503)
    modes = modes_of(instance.endpoint)
    assert modes.verdict == "unknown"
    assert "503" in modes.problems[0]


@pytest.mark.slow
def test_the_modes_of_a_service_that_accepts_connections_and_does_not_reply_are_unknown(instance) -> None:
    instance.fault(kind="hang")
    modes = modes_of(instance.endpoint, timeout=0.5)
    assert modes.verdict == "unknown"
    assert "The connection was accepted" in modes.problems[0]


def test_an_answer_that_differs_from_the_documentation_is_a_problem(instance, emulator) -> None:
    instance.set(http_tokens="optional")
    emulator.switch(bad_token_in_optional="accept")
    modes = modes_of(instance.endpoint)
    assert modes.verdict == "optional"
    assert modes.problems == [
        "Check invalid_token_read at %s: the service answered 200; documented: 401." % instance.endpoint
    ]


# A service with two addresses


@pytest.fixture
def service(emulator, monkeypatch):
    """Return two instances that serve as the IPv4 and the IPv6 address of one service, as two options may not be in step."""
    ipv4, ipv6 = emulator.add_instance(), emulator.add_instance(listen="[::1]:0")
    monkeypatch.setattr(_client, "ENDPOINTS", (ipv4.endpoint, ipv6.endpoint))
    return ipv4, ipv6


def change(instance, state: str, monkeypatch) -> None:
    """Let an address of the service behave like this verdict."""
    if state == "unknown":
        instance.fault(kind="status", status=503)
    elif state == "disabled":
        instance.set(http_endpoint="disabled")
    else:
        instance.set(http_tokens=state)


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        (("required", "required"), "required"),
        (("required", "optional"), "optional"),
        (("optional", "required"), "optional"),
        (("required", "unknown"), "unknown"),
        (("unknown", "optional"), "optional"),
        (("disabled", "required"), "required"),
        (("disabled", "disabled"), "disabled"),
        (("disabled", "unknown"), "unknown"),
    ],
)
def test_no_address_decides_for_another(service, monkeypatch, states, verdict) -> None:
    for instance, state in zip(service, states):
        change(instance, state, monkeypatch)
    modes = modes_of(None)
    assert modes.verdict == verdict
    assert {url: seen["verdict"] for url, seen in modes.endpoints.items()} == {
        instance.endpoint: state for instance, state in zip(service, states)
    }
    assert modes.checks == modes.endpoints[service[states.index(verdict)].endpoint]["checks"]


@pytest.mark.slow
@pytest.mark.parametrize("unusable", [refused, silent])
@pytest.mark.parametrize("position", [0, 1])
def test_an_unreachable_address_is_reported_and_does_not_decide(service, monkeypatch, unusable, position) -> None:
    other = service[1 - position]
    with unusable((IPV4, IPV6)[position]) as origin:
        endpoints = [other.endpoint]
        endpoints.insert(position, origin.url)
        monkeypatch.setattr(_client, "ENDPOINTS", tuple(endpoints))
        modes = modes_of(None, timeout=1.0)
    assert (modes.verdict, modes.problems) == ("required", [])
    seen = modes.endpoints[origin.url]
    assert (seen["verdict"], seen["checks"]) == ("unreachable", {})
    assert origin.url in seen["problems"][0]


def test_both_addresses_may_be_unreachable(monkeypatch) -> None:
    with refused(IPV4) as ipv4, refused(IPV6) as ipv6:
        monkeypatch.setattr(_client, "ENDPOINTS", (ipv4.url, ipv6.url))
        modes = modes_of(None)
    assert modes.verdict == "unreachable"
    assert [url in problem for url, problem in zip((ipv4.url, ipv6.url), modes.problems)] == [True, True]


def test_the_mode_of_an_explicit_endpoint_is_that_of_this_address(service) -> None:
    service[1].set(http_tokens="optional")
    modes = modes_of(service[0].endpoint)
    assert (modes.verdict, list(modes.endpoints)) == ("required", [service[0].endpoint])
    assert service[1].journal() == []
