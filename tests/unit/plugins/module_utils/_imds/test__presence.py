# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a host that is not known to be an ECS instance has a metadata service."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _client, _errors
from ansible_collections.alicloud.imds.plugins.module_utils._imds._client import Client, Settings
from ansible_collections.alicloud.imds.plugins.module_utils._imds._dmi import Platform
from ansible_collections.alicloud.imds.plugins.module_utils._imds._presence import absence

NOT_ECS = Platform(False, "Other")


@pytest.fixture
def client(instance, monkeypatch: pytest.MonkeyPatch):
    """Return a client that finds the emulated instance at an address of the service."""
    monkeypatch.setattr(_client, "ENDPOINTS", (instance.endpoint,))
    made = Client(Settings(timeout=60.0, deadline=300.0))
    yield made
    made.close()


def test_a_service_that_answers_is_present(client: Client) -> None:
    assert absence(client, NOT_ECS) is None


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_that_throttles_or_has_an_error_is_present(client: Client, instance, status: int) -> None:
    """The request is not retried here, so a status that a retry may change says nothing about absence."""
    instance.fault("status", status=status, times=1)
    assert absence(client, NOT_ECS) is None
    assert len(client.get("/latest/meta-data/instance-id")) > 0


@pytest.mark.parametrize("status", [403, 404])
def test_what_answers_otherwise_is_not_the_service(client: Client, instance, status: int) -> None:
    instance.fault("status", status=status)
    assert isinstance(absence(client, NOT_ECS), _errors.MetadataError)


@pytest.mark.parametrize(("timeout", "limits"), [(60.0, (0.3, 60.0)), (0.2, (0.2, 0.2))])
def test_a_service_that_accepts_a_connection_may_reply_late(
    monkeypatch: pytest.MonkeyPatch, timeout: float, limits: tuple[float, float]
) -> None:
    """On a busy host, an emulator may need seconds for a reply."""
    given: list[tuple[float, ...]] = []
    monkeypatch.setattr(Client, "connect", lambda _client, *seconds: given.append(seconds))
    assert absence(Client(Settings(timeout=timeout)), NOT_ECS) is None
    assert given == [limits]


def test_an_ecs_instance_and_an_explicit_endpoint_are_not_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Client, "connect", None)
    assert absence(Client(Settings()), Platform(True, "Alibaba Cloud ECS")) is None
    assert absence(Client(Settings(endpoint="http://192.0.2.1")), NOT_ECS) is None
