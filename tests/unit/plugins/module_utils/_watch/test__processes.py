# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inspecting processes: a folder that is laid out like /proc, and a user database of its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._watch import _processes
from ansible_collections.alicloud.imds.plugins.module_utils._watch._cgroups import Groups
from ansible_collections.alicloud.imds.plugins.module_utils._watch._processes import Processes
from ansible_collections.alicloud.imds.plugins.module_utils._watch._records import Caller, Sighting

UNIT = "0::/system.slice/app.service\n"


class Proc:
    """Processes to inspect."""

    def __init__(self, root: Path) -> None:
        self.root = root / "proc"
        self.root.mkdir()

    def add(
        self, pid: int, comm: str = "curl", exe: str | None = "/usr/bin/curl", parent: int = 1, threads: int = 1,
        cgroup: str = UNIT,
    ) -> None:  # fmt: skip
        self.remove(pid)
        folder = self.root / str(pid)
        folder.mkdir()
        rest = ["S", str(parent), *["0"] * 15, str(threads), "0", "0"]  # proc_pid_stat(5): field 3 and following
        (folder / "stat").write_text(f"{pid} ({comm}) {' '.join(rest)}\n")
        (folder / "cgroup").write_text(cgroup)
        if exe is not None:
            (folder / "exe").symlink_to(exe)

    def remove(self, pid: int) -> None:
        shutil.rmtree(self.root / str(pid), ignore_errors=True)


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    made = Proc(tmp_path)
    made.add(1, "systemd", "/usr/lib/systemd/systemd", 0, cgroup="0::/init.scope\n")
    return made


@pytest.fixture
def passwd(tmp_path: Path) -> Path:
    path = tmp_path / "passwd"
    path.write_text("root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/sh\nalias:x:33:33::/:/bin/sh\nbroken\n")
    return path


@pytest.fixture
def processes(proc: Proc, passwd: Path) -> Processes:
    return Processes(proc=str(proc.root), passwd=str(passwd))


def test_a_running_process(proc: Proc, processes: Processes) -> None:
    proc.add(10)
    caller = Caller(33, "www-data", "curl", "/usr/bin/curl", "app.service", None)
    assert processes.inspect(10, "connect", 33, "curl") == Sighting(caller, "connect", "proc", "systemd")


def test_an_unknown_process_of_a_known_user(processes: Processes) -> None:
    assert processes.inspect(0, "uid", 33) == Sighting(Caller(33, "www-data"), "uid")


def test_a_deleted_executable_keeps_its_name(proc: Proc, processes: Processes) -> None:
    proc.add(10, exe="/opt/app (deleted)")
    assert processes.inspect(10, "connect", 0, "curl").caller.exe == "/opt/app"


@pytest.mark.parametrize("comm", ["a) S 1 (b", "a b", "()"])
def test_command_names_may_contain_anything(proc: Proc, processes: Processes, comm: str) -> None:
    proc.add(10, comm)
    sighting = processes.inspect(10, "connect", 0, comm)
    assert (sighting.caller.comm, sighting.caller.exe, sighting.parent) == (comm, "/usr/bin/curl", "systemd")


def test_a_thread_has_the_name_of_its_process(proc: Proc, processes: Processes) -> None:
    proc.add(10, "java", "/usr/bin/java", threads=9)
    sighting = processes.inspect(10, "connect", 0, "http-worker-1")
    assert (sighting.caller.comm, sighting.caller.exe) == ("java", "/usr/bin/java")


def test_a_reused_pid_is_another_process(proc: Proc, processes: Processes) -> None:
    proc.add(10, "other", "/usr/bin/other")
    sighting = processes.inspect(10, "connect", 0, "curl")
    assert (sighting.caller.comm, sighting.caller.exe, sighting.exe_attributed_by) == ("curl", None, "none")


def test_an_ended_process_has_the_executable_of_one_with_the_same_names(
    proc: Proc, tmp_path: Path, passwd: Path
) -> None:
    (tmp_path / "cgroup/system.slice/app.service").mkdir(parents=True)
    number = (tmp_path / "cgroup/system.slice/app.service").stat().st_ino
    groups = Groups(str(tmp_path / "cgroup"))
    processes = Processes(groups, str(proc.root), str(passwd))
    proc.add(10)
    processes.inspect(10, "connect", 33, "curl", number)
    late = processes.inspect(11, "connect", 33, "curl", number)
    assert (late.caller.exe, late.caller.unit, late.exe_attributed_by) == ("/usr/bin/curl", "app.service", "same_name")
    assert processes.inspect(12, "connect", 34, "curl", number).exe_attributed_by == "none"  # another user
    proc.add(13, exe="/opt/bin/curl")
    processes.inspect(13, "connect", 33, "curl", number)
    ambiguous = processes.inspect(14, "connect", 33, "curl", number)
    assert (ambiguous.caller.exe, ambiguous.exe_attributed_by) == (None, "none")
    groups.close()


def test_the_group_of_an_ended_process_is_found_by_its_number(proc: Proc, tmp_path: Path, passwd: Path) -> None:
    group = tmp_path / "cgroup/system.slice/short.service"
    group.mkdir(parents=True)
    number = group.stat().st_ino
    groups = Groups(str(tmp_path / "cgroup"))
    group.rmdir()
    proc.add(10, cgroup="0::/\n")  # a process that is ending
    processes = Processes(groups, str(proc.root), str(passwd))
    assert processes.inspect(10, "connect", 33, "curl", number).caller.unit == "short.service"
    assert processes.inspect(11, "connect", 33, "curl", number + 100000).caller.unit is None
    groups.close()


@pytest.mark.parametrize("hierarchies", ["", "2:cpu:/\n1:name=systemd:/\n"])
def test_the_group_of_an_ended_process_may_be_removed_before_it(
    proc: Proc, processes: Processes, hierarchies: str
) -> None:
    """Systemd removes the group of a unit first, and then waits for the process, which is in /proc until then."""
    proc.add(10, cgroup=hierarchies + "0::/system.slice/short.service (deleted)\n")
    assert processes.inspect(10, "connect", 33, "curl", 5).caller.unit == "short.service"


def test_containers_have_no_user_of_this_host(proc: Proc, processes: Processes) -> None:
    proc.add(10, cgroup="0::/docker/%s\n" % ("0123456789abcdef" * 4))
    caller = processes.inspect(10, "connect", 33, "curl").caller
    assert (caller.uid, caller.user, caller.container) == (33, None, "docker:0123456789ab")


def test_several_hierarchies_of_control_groups(proc: Proc, processes: Processes) -> None:
    proc.add(10, cgroup="2:cpu:/\n1:name=systemd:/system.slice/app.service\n0::/system.slice\n")
    assert processes.inspect(10, "connect", 33, "curl", 5).caller.unit == "app.service"


ID = "0123456789abcdef" * 4
POD = "pod0a1b2c3d-0000-1111-2222-333344445555"


@pytest.mark.parametrize(
    ("memory", "systemd", "unit", "container"),
    [
        ("/system.slice/app.service", "/system.slice/app.service", "app.service", None),
        ("/user.slice", "/user.slice/user-1000.slice/session-3.scope", "session-3.scope", None),
        ("/system.slice/kubelet.service", "/system.slice/kubelet.service", "kubelet.service", None),
        ("/", "/", None, None),
        (f"/docker/{ID}", f"/docker/{ID}", None, "docker:0123456789ab"),
        (f"/kubepods/burstable/{POD}/{ID}", f"/kubepods/burstable/{POD}/{ID}", None, "kubepods:0123456789ab"),
        # With the systemd driver, containerd appends the name of the container to that of its own group.
        ("/", f"/system.slice/containerd.service/kubepods-{POD}.slice:cri-containerd:{ID}", "containerd.service",
         "cri-containerd:0123456789ab"),
        (f"/machine.slice/libpod-{ID}.scope", f"/machine.slice/libpod-{ID}.scope", f"libpod-{ID}.scope",
         "libpod:0123456789ab"),
        (f"/libpod_parent/libpod-{ID}", "/user.slice/user-0.slice/session-3.scope", None, "libpod:0123456789ab"),
    ],
)  # fmt: skip
def test_control_groups_of_version_1(
    proc: Proc, processes: Processes, memory: str, systemd: str, unit: str | None, container: str | None
) -> None:
    proc.add(10, cgroup=f"9:memory:{memory}\n4:cpu,cpuacct:/\n2:freezer:/\n1:name=systemd:{systemd}\n0::/\n")
    caller = processes.inspect(10, "connect", 0, "curl", 5).caller
    assert (caller.unit, caller.container) == (unit, container)


def test_a_process_is_read_once_in_two_seconds(
    proc: Proc, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(_processes.time, "monotonic", lambda: clock[0])
    proc.add(10)
    first = processes.inspect(10, "connect", 33, "curl")
    proc.add(10, cgroup="0::/system.slice/other.service\n")
    clock[0] += 1.9
    assert processes.inspect(10, "connect", 33, "curl") == first
    assert processes.inspect(10, "socket", 33, "curl").caller.unit == "other.service"  # other arguments
    clock[0] += 2.1
    assert processes.inspect(10, "connect", 33, "curl").caller.unit == "other.service"


def test_another_program_in_the_same_process_is_read_at_once(proc: Proc, processes: Processes) -> None:
    proc.add(10)
    processes.inspect(10, "connect", 33, "curl")
    processes.inspect(10, "tracepoint", 33)
    proc.add(10, exe="/opt/curl")
    assert processes.inspect(10, "connect", 33, "curl").caller.exe == "/opt/curl"
    assert processes.inspect(10, "tracepoint", 33).caller.exe == "/opt/curl"
    proc.add(10, comm="backup.sh", exe="/opt/curl")  # the same interpreter, with another script
    assert processes.inspect(10, "tracepoint", 33).caller.comm == "backup.sh"


def test_an_ended_process_is_known_from_its_start(
    proc: Proc, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(_processes.time, "monotonic", lambda: clock[0])
    proc.add(10)
    (proc.root / "10/status").write_text("Name:\tcurl\nTgid:\t10\nUid:\t33\t33\t33\t33\n")
    processes.remember(10)
    proc.remove(10)
    started = processes.recall(10, None)
    assert started is not None
    assert started.sighting == Sighting(
        Caller(33, "www-data", "curl", "/usr/bin/curl", "app.service"), "none", "exec", "systemd"
    )
    assert processes.recall(10, 33) == started and processes.recall(10, 34) is None and processes.recall(11, 33) is None
    clock[0] += 61  # the PID may be reused
    assert processes.recall(10, 33) is None
    processes.remember(10)  # has already ended


def test_names_of_groups_that_a_user_chooses_are_not_used(proc: Proc, passwd: Path) -> None:
    def trusted(hierarchy: str, path: str) -> str:
        return {"": "/user.slice/app.service", "name=systemd": "/"}[hierarchy]

    processes = Processes(proc=str(proc.root), passwd=str(passwd), trusted=trusted)
    proc.add(10, cgroup="1:name=systemd:/evil.service\n0::/user.slice/app.service/nginx.service\n")
    assert processes.inspect(10, "connect", 33, "curl").caller.unit == "app.service"


def test_user_names_follow_the_user_database(proc: Proc, processes: Processes, passwd: Path) -> None:
    proc.add(10)
    assert processes.inspect(0, "uid", 33).caller.user == "www-data"  # the first of two entries
    assert processes.inspect(0, "uid", 1234).caller.user is None
    passwd.write_text("new:x:1234:33::/:/bin/sh\n")
    os.utime(passwd, ns=(1, 1))
    assert processes.inspect(0, "uid", 1234).caller.user == "new"
    passwd.unlink()
    assert processes.inspect(0, "uid", 1234).caller.user == "new"  # unreadable for a moment


def test_this_process() -> None:
    sighting = Processes().inspect(os.getpid(), "socket", os.getuid())
    assert sighting.caller.exe == os.path.realpath("/proc/self/exe") and sighting.exe_attributed_by == "proc"
