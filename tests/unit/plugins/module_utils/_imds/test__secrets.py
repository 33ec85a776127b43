# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registration of secrets with ansible-core."""

from __future__ import annotations

import types

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _secrets


@pytest.fixture
def registered(monkeypatch) -> list[str]:
    """Replace the registry of ansible-core by one that lists what is registered."""
    values: list[str] = []
    monkeypatch.setattr(_secrets, "_registry", types.SimpleNamespace(register_secret=values.append))
    return values


def test_long_values_are_registered_and_short_ones_are_not(registered) -> None:
    for value in ("x" * _secrets.SHORTEST, "x" * (_secrets.SHORTEST - 1), "", None):
        _secrets.register_secret(value)
    assert registered == ["x" * _secrets.SHORTEST]


def test_without_a_registry_nothing_happens(monkeypatch) -> None:
    monkeypatch.setattr(_secrets, "_registry", None)
    _secrets.register_secret("a long enough secret")
