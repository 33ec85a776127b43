# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find out whether systemd enforces IPAddressDeny=, with fakes of systemd-run. tests/hosts has a real one."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._common import _programs
from ansible_collections.alicloud.imds.plugins.module_utils._host import _fence_deny, _subprocess
from ansible_collections.alicloud.imds.plugins.module_utils._host._subprocess import HostError

from .fakes import FakeHost

# Run the command that follows the option -p and its value.
IGNORES_THE_SETTING = '#!/bin/sh\nwhile [ "$1" != -p ]; do shift; done\nshift 2\nexec "$@"\n'
ENFORCES_THE_SETTING = "#!/bin/sh\nexit 0\n"
FAILS = "#!/bin/sh\necho 'Failed to start transient service unit: Access denied' >&2\nexit 1\n"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    made = FakeHost(tmp_path)
    monkeypatch.setattr(_programs, "_PATH", str(made.bin))
    monkeypatch.setattr(_subprocess, "_SYSTEMD", str(made.root / "run/systemd/system"))
    return made


def systemd_run(host: FakeHost, script: str) -> None:
    (host.bin / "systemd-run").write_text(script)
    (host.bin / "systemd-run").chmod(0o755)


def test_a_host_that_ignores_the_setting_is_refused(host: FakeHost) -> None:
    systemd_run(host, IGNORES_THE_SETTING)
    with pytest.raises(
        HostError, match="systemd on this host does not enforce IPAddressDeny= .*hardening_fence_services"
    ):
        _fence_deny.require_enforcement()


def test_a_host_that_enforces_the_setting_passes(host: FakeHost) -> None:
    systemd_run(host, ENFORCES_THE_SETTING)
    _fence_deny.require_enforcement()


def test_a_test_that_fails_is_not_read_as_enforced(host: FakeHost) -> None:
    systemd_run(host, FAILS)
    with pytest.raises(HostError, match="Cannot check IPAddressDeny=: systemd-run failed: .*Access denied"):
        _fence_deny.require_enforcement()
    (host.bin / "systemd-run").unlink()
    with pytest.raises(HostError, match="there is no program systemd-run"):
        _fence_deny.require_enforcement()


def test_without_systemd_the_files_of_units_are_searched(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = host.root / "etc/systemd/system"
    (directory / "web@.service").touch()
    monkeypatch.setattr(_fence_deny, "_UNIT_DIRECTORIES", (str(directory),))
    monkeypatch.setattr(_subprocess, "_SYSTEMD", str(host.root / "none"))
    _fence_deny.require_units(["web@.service", "web@1.service", "user.slice"])
    with pytest.raises(HostError, match="There is no unit web.service, app@1.service on this host"):
        _fence_deny.require_units(["web.service", "web@1.service", "app@1.service"])


def test_templates_are_searched_as_files(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemctl accepts only instances of a template."""
    monkeypatch.setattr(_fence_deny, "_UNIT_DIRECTORIES", (str(host.root / "etc/systemd/system"),))
    with pytest.raises(HostError, match="There is no unit web@.service"):
        _fence_deny.require_units(["web@.service"])
    assert host.calls() == []
