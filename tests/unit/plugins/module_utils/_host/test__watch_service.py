# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The unit of the callers watch: which hosts can run it, and what it sees of home directories."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._common import _programs
from ansible_collections.alicloud.imds.plugins.module_utils._host import _install, _subprocess, _watch_service


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch):
    """Return a function that sets the first line of ``systemctl --version``."""
    program = tmp_path / "systemctl"
    monkeypatch.setattr(_subprocess, "_SYSTEMD", str(tmp_path))
    monkeypatch.setattr(_programs, "_PATH", "%s:/usr/bin:/bin" % tmp_path)

    def write(line: str) -> None:
        program.write_text("#!/bin/sh\necho '%s'\necho '+PAM +AUDIT'\n" % line)
        program.chmod(0o755)

    return write


@pytest.mark.parametrize("line", ["systemd 219", "systemd 238 (238-1)"])
@pytest.mark.parametrize("check_mode", [True, False])
def test_an_old_systemd_is_refused_before_anything_is_changed(
    systemd, run_module, monkeypatch, tmp_path: Path, line: str, check_mode: bool
) -> None:
    systemd(line)
    monkeypatch.setattr(_install._managed_files, "plan", lambda *arguments: pytest.fail("a change was planned"))
    result = run_module("tooling", watch=True, _ansible_check_mode=check_mode)
    version = line.split()[1]
    assert result["failed"] is True
    assert result["msg"].startswith("The callers watch needs systemd 239 or later, and this host has %s." % version)


@pytest.mark.parametrize("line", ["systemd 239 (239-82.el8)", "systemd 257.5", "systemd something"])
def test_other_versions_are_accepted(systemd, line: str) -> None:
    systemd(line)
    _watch_service.check_host()


def test_a_host_without_systemd_is_accepted(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_subprocess, "_SYSTEMD", str(tmp_path / "absent"))
    _watch_service.check_host()


@pytest.mark.parametrize(
    "python, setting",
    [
        ("/usr/bin/python3.11", "yes"),
        ("/usr/libexec/platform-python3.6", "yes"),
        ("/root/.pyenv/versions/3.11.7/bin/python3.11", "read-only"),
        ("/home/ops/python/bin/python3", "read-only"),
    ],
)
def test_home_directories_are_visible_only_if_the_interpreter_is_there(python: str, setting: str) -> None:
    unit = _watch_service.files("/usr/local/bin/ecs-metadata", python)[_watch_service.PATH]
    assert isinstance(unit, _install._managed_files.File)
    assert b"\nProtectHome=%s\n" % setting.encode() in unit.content
