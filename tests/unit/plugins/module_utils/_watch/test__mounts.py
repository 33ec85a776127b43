# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mount points of pseudo file systems. `make watch` tests private mounts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._watch import _mounts
from ansible_collections.alicloud.imds.plugins.module_utils._watch._mounts import cgroup_roots, initial_proc, mounted

V1 = """\
proc /proc proc rw,nosuid 0 0
tmpfs /sys/fs/cgroup tmpfs ro 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,name=systemd 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0
broken
"""
HYBRID = V1 + "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\ntracefs /sys/kernel/tracing tracefs rw 0 0\n"


def test_mount_points(tmp_path: Path) -> None:
    path = tmp_path / "mounts"
    path.write_text(V1)
    assert mounted("cgroup2", str(path)) == [] and "" not in cgroup_roots(str(path))
    path.write_text(HYBRID)
    assert mounted("cgroup2", str(path)) == ["/sys/fs/cgroup/unified"]
    assert mounted("tracefs", str(path)) == ["/sys/kernel/tracing"]
    roots = cgroup_roots(str(path))
    assert roots["name=systemd"] == "/sys/fs/cgroup/systemd" and roots["cpuacct"] == "/sys/fs/cgroup/cpu,cpuacct"
    assert roots[""] == "/sys/fs/cgroup/unified"
    assert mounted("cgroup2", str(tmp_path / "none")) == []


@pytest.mark.parametrize(("inode", "expected"), [(0xEFFFFFFC, "found"), (0xF0000001, None)])
def test_a_proc_of_the_initial_pid_namespace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inode: int, expected: str | None
) -> None:
    """The watch runs in a container that sees the host's processes at another place."""
    mounts = tmp_path / "mounts"
    mounts.write_text("proc /proc proc rw 0 0\nproc /host/proc proc rw 0 0\n")
    found = {("/proc", "self"): 0xF0000001, ("/proc", "1"): 0xF0000001, ("/host/proc", "2"): inode}
    monkeypatch.setattr(_mounts, "namespace", lambda proc, pid, kind: found.get((proc, pid), 0))
    assert initial_proc(str(mounts)) == (expected and "/host/proc")


def test_this_process_is_in_the_initial_namespace_or_not() -> None:
    initial = os.stat("/proc/self/ns/pid").st_ino == 0xEFFFFFFC
    assert (initial_proc() == "/proc") == initial or not initial
