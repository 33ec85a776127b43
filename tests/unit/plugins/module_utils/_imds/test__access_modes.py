# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probe the access modes of emulated instances."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _access_modes
from ansible_collections.alicloud.imds.plugins.module_utils._imds._access_modes import probe
from ansible_collections.alicloud.imds.plugins.module_utils._imds._client import Client, Settings
from ansible_collections.alicloud.imds.plugins.module_utils._imds._dmi import Platform


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
    assert [entry["mode"] for entry in instance.journal()].count("plain") == 1


@pytest.mark.parametrize("answer", [403, 404])
def test_disabled(instance, emulator, monkeypatch, answer) -> None:
    """On an ECS instance, at the service's own address, nothing else answers."""
    monkeypatch.setattr(_access_modes, "DEFAULT_ENDPOINT", instance.endpoint)
    monkeypatch.setattr(_access_modes, "read_platform", lambda: Platform(True, "Alibaba Cloud ECS"))
    instance.set(http_endpoint="disabled")
    emulator.switch(disabled_answer=answer)
    modes = modes_of(instance.endpoint)
    assert modes.verdict == "disabled"
    assert modes.checks["token_read"] == {"status": answer, "answered": False}


@pytest.mark.parametrize(("ecs", "own_address"), [(False, True), (None, True), (True, False)])
def test_status_404_of_another_server_is_not_disabled(instance, emulator, monkeypatch, ecs, own_address) -> None:
    if own_address:
        monkeypatch.setattr(_access_modes, "DEFAULT_ENDPOINT", instance.endpoint)
    monkeypatch.setattr(_access_modes, "read_platform", lambda: Platform(ecs, None))
    instance.set(http_endpoint="disabled")
    emulator.switch(disabled_answer=404)
    modes = modes_of(instance.endpoint)
    assert modes.verdict not in ("optional", "required", "disabled")
    assert any("404" in problem for problem in modes.problems)


def test_unreachable(free_port) -> None:
    modes = modes_of("http://127.0.0.1:%d" % free_port)
    assert (modes.verdict, modes.checks) == ("unreachable", {})
    assert "Connection refused" in modes.problems[0]


def test_a_service_that_always_fails_is_unreachable(instance) -> None:
    instance.fault(kind="status", status=503)
    modes = modes_of(instance.endpoint)
    assert modes.verdict == "unreachable"
    assert "503" in modes.problems[0]


def test_an_answer_that_differs_from_the_documentation_is_a_problem(instance, emulator) -> None:
    instance.set(http_tokens="optional")
    emulator.switch(bad_token_in_optional="accept")
    modes = modes_of(instance.endpoint)
    assert modes.verdict == "optional"
    assert modes.problems == ["Check invalid_token_read: the service answered 200; documented: 401."]
