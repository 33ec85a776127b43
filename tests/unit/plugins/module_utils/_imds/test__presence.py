# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The time limit for a host that may have no metadata service applies to the connection only."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds._client import Client, Settings
from ansible_collections.alicloud.imds.plugins.module_utils._imds._dmi import Platform
from ansible_collections.alicloud.imds.plugins.module_utils._imds._presence import absence


@pytest.mark.parametrize(("timeout", "limits"), [(60.0, (0.3, 60.0)), (0.2, (0.2, 0.2))])
def test_a_service_that_accepts_a_connection_may_reply_late(
    monkeypatch: pytest.MonkeyPatch, timeout: float, limits: tuple[float, float]
) -> None:
    """On a busy host, an emulator may need seconds for a reply."""
    given: list[tuple[float, ...]] = []
    monkeypatch.setattr(Client, "connect", lambda _client, *seconds: given.append(seconds))
    assert absence(Client(Settings(timeout=timeout)), Platform(False, "Standard PC")) is None
    assert given == [limits]


def test_an_ecs_instance_and_an_explicit_endpoint_are_not_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Client, "connect", None)
    assert absence(Client(Settings()), Platform(True, "Alibaba Cloud ECS")) is None
    assert absence(Client(Settings(endpoint="http://192.0.2.1")), Platform(False, "Standard PC")) is None
