# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Provide the pytest fixture `imds_emulator`. pytest loads this module through the entry point `pytest11`."""

from __future__ import annotations

import typing as t

import pytest

from .local import LocalEmulator

MARKER = "imds_emulator"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "imds_emulator(**settings): settings of the instance of the fixture imds_emulator; markers of a test are added to "
        "those of its class and module",
    )


@pytest.fixture
def imds_emulator(request: pytest.FixtureRequest) -> t.Iterator[LocalEmulator]:
    """Start an emulator for this test and stop it afterwards. Markers `imds_emulator` have the settings of the instance.

    Markers are merged: for each key, the marker closest to the test applies.
    """
    settings: t.Dict[str, t.Any] = {}
    for marker in reversed(list(request.node.iter_markers(MARKER))):
        if marker.args:
            pytest.fail(
                "marker imds_emulator: accepts only keyword arguments, such as http_tokens='required'", pytrace=False
            )
        settings.update(marker.kwargs)
    emulator = LocalEmulator(**settings)
    try:
        emulator.start()
    except ValueError as problem:
        pytest.fail("marker imds_emulator: %s" % problem, pytrace=False)
    try:
        yield emulator
    finally:
        emulator.stop()
