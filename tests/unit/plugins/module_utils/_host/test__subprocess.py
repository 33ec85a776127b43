# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a unit, and answers of systemctl that are no state."""

from __future__ import annotations

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._host import _subprocess
from ansible_collections.alicloud.imds.plugins.module_utils._host._subprocess import Done, HostError, is_active


@pytest.mark.parametrize(
    ("status", "output", "active", "or_changing"),
    [
        (0, "active", True, True),
        (3, "inactive", False, False),
        (3, "failed", False, False),
        (3, "activating", False, True),
        (3, "deactivating", False, True),
        (4, "inactive", False, False),
    ],
)
def test_the_state_of_a_unit(
    monkeypatch: pytest.MonkeyPatch, status: int, output: str, active: bool, or_changing: bool
) -> None:
    monkeypatch.setattr(_subprocess, "has_systemd", lambda: True)
    monkeypatch.setattr(_subprocess, "run", lambda *words: Done(status, output + "\n", ""))
    assert is_active("x.service") is active
    assert is_active("x.service", or_changing=True) is or_changing


def test_an_error_of_systemctl_is_not_an_inactive_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_subprocess, "has_systemd", lambda: True)
    monkeypatch.setattr(_subprocess, "run", lambda *words: Done(1, "", "Failed to connect to bus: No such file\n"))
    with pytest.raises(
        HostError, match=r"^'systemctl is-active x.service' failed with status 1: Failed to connect to bus"
    ):
        is_active("x.service")
