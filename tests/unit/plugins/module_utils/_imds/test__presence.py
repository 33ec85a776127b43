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
