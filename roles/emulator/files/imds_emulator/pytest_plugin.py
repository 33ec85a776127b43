# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Provide the pytest fixture `imds_emulator`. pytest loads this module through the entry point `pytest11`."""

from __future__ import annotations

import typing as t

import pytest

from .local import LocalEmulator


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers", "imds_emulator(**settings): settings of the instance of the fixture imds_emulator"
    )


@pytest.fixture
def imds_emulator(request: pytest.FixtureRequest) -> t.Iterator[LocalEmulator]:
    """Start an emulator for this test and stop it afterwards. The marker `imds_emulator` has the settings of the instance."""
    marker = request.node.get_closest_marker("imds_emulator")
    with LocalEmulator(**(marker.kwargs if marker else {})) as running:
        yield running
