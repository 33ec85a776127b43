# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The unit of the callers watch on hosts with several versions of systemd and several methods of attribution."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._common import _programs
from ansible_collections.alicloud.imds.plugins.module_utils._host import _install, _subprocess, _watch_service
from ansible_collections.alicloud.imds.plugins.module_utils._host._subprocess import Done
from ansible_collections.alicloud.imds.plugins.module_utils._host._watch_service import Traits, unit

# The version in which systemd introduced a directive: NEWS of systemd.
SINCE = {"ProtectHostname": 242, "RestrictSUIDSGID": 242, "ProtectKernelLogs": 244, "ProtectClock": 245}


PYTHON = "/usr/bin/python3"


def directives(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


@pytest.mark.parametrize("version", [239, 241, 242, 243, 244, 245, 247, 252, 257])
def test_only_known_directives(version: int) -> None:
    found = directives(unit("/usr/local/bin/ecs-metadata", "/usr/bin/python3", Traits(version, False)))
    for name, since in SINCE.items():
        assert (name in found) == (version >= since)
    assert found["ExecStart"] == "/usr/local/bin/ecs-metadata watch" and found["ProtectSystem"] == "strict"


@pytest.mark.parametrize("mounts", [False, True])
def test_capabilities_without_unknown_names(mounts: bool) -> None:
    new = directives(unit("/x", "/usr/bin/python3", Traits(247, mounts)))["CapabilityBoundingSet"].split()
    assert set(new) == {"CAP_NET_RAW", "CAP_NET_ADMIN", "CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE"} | (
        {"CAP_SYS_ADMIN"} if mounts else set()
    )
    old = directives(unit("/x", "/usr/bin/python3", Traits(239, mounts)))["CapabilityBoundingSet"]
    assert old.startswith("~") and "BPF" not in old and "PERFMON" not in old
    dropped = old[1:].split()
    assert len(dropped) == len(set(dropped)) == (34 if mounts else 35)  # of 38 capabilities before Linux 5.8
    assert not set(dropped) & set(new)


def test_mounting_is_possible_only_where_it_is_needed() -> None:
    without, with_ = (directives(unit("/x", "/usr/bin/python3", Traits(252, mounts))) for mounts in (False, True))
    assert without["RestrictNamespaces"] == "yes" and with_["RestrictNamespaces"] == "mnt"
    allowed, denied = "SystemCallFilter=@system-service setpriority bpf", "SystemCallFilter=~"
    texts = [unit("/x", "/usr/bin/python3", Traits(252, mounts)) for mounts in (False, True)]
    assert [f"{allowed} @mount\n" in text for text in texts] == [False, True]
    assert [f"{denied}@mount @clock" in text for text in texts] == [True, False]


def host(monkeypatch: pytest.MonkeyPatch, version: str, cgroup2: bool = True, bpf: bool = True) -> None:
    monkeypatch.setattr(_watch_service, "find", lambda program: "/bin/systemctl" if version else None)
    monkeypatch.setattr(_watch_service, "run", lambda *command: Done(0, version, ""))
    monkeypatch.setattr(_watch_service, "mounted", lambda kind: ["/sys/fs/cgroup"] if cgroup2 else [])
    monkeypatch.setattr(_watch_service, "is_available", lambda: bpf)


@pytest.mark.parametrize(
    ("version", "cgroup2", "bpf", "expected"),
    [
        ("systemd 239 (239-58.el8)\n+PAM", False, False, Traits(239, True)),
        ("systemd 252 (252.39-1~deb12u1)\n+PAM", True, True, Traits(252, False)),
        ("systemd 252 (252)", False, True, Traits(252, True)),
        ("systemd 252 (252)", True, False, Traits(252, True)),
        ("", True, True, Traits(1000, False)),
    ],
)
def test_traits_of_hosts(
    monkeypatch: pytest.MonkeyPatch, version: str, cgroup2: bool, bpf: bool, expected: Traits
) -> None:
    host(monkeypatch, version, cgroup2, bpf)
    assert _watch_service.traits() == expected


@pytest.mark.parametrize("mounts", [False, True])
def test_this_systemd_accepts_the_unit_without_a_warning(tmp_path: Path, mounts: bool) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    first = subprocess.run(["systemd-analyze", "--version"], check=True, capture_output=True, text=True).stdout.split()
    path = tmp_path / "alicloud-imds-watch.service"
    path.write_text(unit("/bin/true", "/usr/bin/python3", Traits(int(first[1]), mounts)))
    done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if path.name in line and "not found" not in line] == []


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
    entry = _watch_service.files("/usr/local/bin/ecs-metadata", python)[_watch_service.PATH]
    assert isinstance(entry, _install._managed_files.File)
    assert b"\nProtectHome=%s\n" % setting.encode() in entry.content


@pytest.mark.parametrize("version", [239, 252])
def test_the_footprint_is_limited(version: int) -> None:
    lines = unit("/bin/true", "/usr/bin/python3", Traits(version, True)).splitlines()
    assert {"MemoryMax=256M", "CPUQuota=100%", "TasksMax=8"} <= set(lines)


def test_the_unit_has_high_priority_among_units_too() -> None:
    """The nice value counts within the control group of the unit only."""
    lines = unit("/bin/true", "/usr/bin/python3", Traits(239, True)).splitlines()
    assert {"Nice=-20", "CPUWeight=10000"} <= set(lines)
