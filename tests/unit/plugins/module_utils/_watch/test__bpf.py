# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loading, attaching and reading BPF programs, with a replacement of bpf(2) that checks its arguments."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._watch import _bpf
from ansible_collections.alicloud.imds.plugins.module_utils._watch import _bpf_programs as programs
from ansible_collections.alicloud.imds.plugins.module_utils._watch._bpf import Hook
from ansible_collections.alicloud.imds.plugins.module_utils._watch._bpf_call import bpf
from ansible_collections.alicloud.imds.plugins.module_utils._watch._bpf_parts import Target
from ansible_collections.alicloud.imds.plugins.module_utils._watch._events import Connect, Established

from .bpf_kernel import Kernel

ADDRESS = bytes([100, 100, 100, 200])
ADDRESSES = [ADDRESS, bytes.fromhex("fd000100000000000000000001000200")]
RING_BYTES = 1 << 20
BUSY, DISCARDED = 1 << 31, 1 << 30


@pytest.fixture(autouse=True)
def initial_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bpf, "_namespace", (None,))


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def hook(kernel: Kernel, tmp_path: Path) -> Iterator[Hook]:
    made = Hook(str(tmp_path), ADDRESSES, 80, kernel)
    yield made
    made.close()


def connect(pid: int = 4711, cookie: int = 1, comm: bytes = b"curl", ours: int = 7) -> bytes:
    event = (programs.CONNECT, pid << 32 | 99, ours << 32 | 8, 34 << 32 | 33, 77, cookie, comm.ljust(16, b"\0"))
    return programs.CONNECT_EVENT.pack(*event)


ESTABLISHED = programs.ESTABLISHED_EVENT.pack(programs.ESTABLISHED, 1, 0x0100000A, 40000, 0xFFFFFFF0)


def test_maps_programs_and_links(kernel: Kernel, hook: Hook, tmp_path: Path) -> None:
    # BPF_MAP_TYPE_RINGBUF, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_ARRAY
    assert kernel.maps == [(27, 0, 0, RING_BYTES), (9, 8, 8, 2048), (9, 8, 16, 2048), (2, 4, 16, 1)]
    ring, known, budgets, counters, *attached = kernel.fds
    target = Target(ADDRESS, 80, ring, known, ADDRESSES[1], budgets, counters)
    desired = programs.Desired(None, True)
    assert kernel.loaded == [
        (18, 10, programs.connect4(target, desired)),  # BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT
        (18, 11, programs.connect6_mapped(target, desired)),  # BPF_CGROUP_INET6_CONNECT
        (18, 11, programs.connect6(target, desired)),
        (13, 3, programs.established(target)),  # BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS
        (13, 3, programs.established6(target)),
    ]
    (group,) = {target_fd for _program, target_fd, _type in kernel.links}
    assert os.readlink(f"/proc/self/fd/{group}") == str(tmp_path)
    assert kernel.links == [(fd, group, kind) for fd, kind in zip(attached[::2], (10, 11, 11, 3, 3))]
    assert hook.reports_names and hook.fileno() == ring
    assert all(fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC for fd in [*kernel.fds, group])
    hook.close()
    for fd in [*kernel.fds, group]:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)


def test_without_the_right_to_read_names_the_rest_is_reported(tmp_path: Path) -> None:
    read_name = struct.pack("<BBhi", 0x85, 0, 0, 16)  # call get_current_comm
    kernel = Kernel(lambda code: read_name in code)
    hook = Hook(str(tmp_path), ADDRESSES, 80, kernel)
    assert not hook.reports_names and len(kernel.loaded) == 5
    hook.close()


def test_pids_of_a_namespace_are_translated_where_the_kernel_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_bpf, "_namespace", ((4, 0xF0000001),))
    translate = struct.pack("<BBhi", 0x85, 0, 0, 120)  # call get_ns_current_pid_tgid
    new, old = Kernel(), Kernel(lambda code: translate in code)
    for kernel, translated in ((new, True), (old, False)):
        hook = Hook(str(tmp_path), ADDRESSES, 80, kernel)
        assert hook.reports_names
        assert [translate in code for _type, _attach, code in kernel.loaded] == [translated] * 3 + [False] * 2
        kernel.write(connect(pid=4711, ours=7))
        assert [event.pid for event in hook.events() if isinstance(event, Connect)] == [7]
        hook.close()


def test_a_kernel_that_refuses_is_an_error_and_leaves_no_descriptor(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    kernel = Kernel(lambda code: True)
    with pytest.raises(PermissionError):
        Hook(str(tmp_path), ADDRESSES, 80, kernel)
    for fd in kernel.fds[4:]:
        os.close(fd)  # those of the refused programs, which the real call would not have created
    assert set(os.listdir("/proc/self/fd")) == before


def test_an_unknown_processor_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((*real[:4], "sparc64")))
    with pytest.raises(OSError, match="unknown for sparc64"):
        Hook(str(tmp_path), ADDRESSES, 80, Kernel())


def test_the_real_call_passes_errors_on() -> None:
    with pytest.raises(OSError, match=r"bpf\(9999\): ") as caught:
        bpf(9999, b"")
    assert caught.value.errno in (errno.EINVAL, errno.EPERM, errno.ENOSYS)


def test_events_are_read_once_and_released(kernel: Kernel, hook: Hook) -> None:
    assert not hook.waiting() and list(hook.events()) == []
    kernel.write(connect())
    kernel.write(ESTABLISHED)
    assert hook.waiting()
    assert list(hook.events()) == [Connect(1, 4711, 33, 77, b"curl"), Established(1, "10.0.0.1", 40000, 0xFFFFFFF0)]
    assert kernel.consumed() == kernel.position and not hook.waiting()


def test_events_that_arrive_as_fast_as_they_are_read_are_left_for_the_next_time(kernel: Kernel, hook: Hook) -> None:
    kernel.write(connect(cookie=1))
    kernel.write(connect(cookie=2))
    found = []
    for event in hook.events():
        found.append(event.cookie)
        kernel.write(connect(cookie=10 + event.cookie))
    assert found == [1, 2] and [event.cookie for event in hook.events()] == [11, 12]


def test_an_ipv6_connection(kernel: Kernel, hook: Hook) -> None:
    words = struct.unpack("<4I", bytes.fromhex("fd000000000000000000000000000001"))
    kernel.write(programs.ESTABLISHED6_EVENT.pack(programs.ESTABLISHED6, 1, *words, 40000, 5))
    assert list(hook.events()) == [Established(1, "fd00::1", 40000, 5)]


def test_events_that_were_not_reported_are_counted(kernel: Kernel, hook: Hook) -> None:
    assert hook.lost == 0
    os.pwrite(kernel.counters, struct.pack("<QQ", 3, 4), 0)
    assert hook.lost == 7


def test_an_event_that_is_being_written_blocks_those_behind_it(kernel: Kernel, hook: Hook) -> None:
    kernel.write(connect(cookie=1))
    busy = kernel.position
    kernel.write(connect(cookie=2), BUSY)
    kernel.write(connect(cookie=3))
    assert [event.cookie for event in hook.events()] == [1]
    assert hook.waiting() and kernel.consumed() == busy
    os.pwrite(kernel.ring, struct.pack("<I", len(connect())), 2 * mmap.PAGESIZE + busy)
    assert [event.cookie for event in hook.events()] == [2, 3]


def test_discarded_and_unknown_events_are_skipped(kernel: Kernel, hook: Hook) -> None:
    kernel.write(connect(cookie=1), DISCARDED)
    kernel.write(struct.pack("<Q", 9) + bytes(24))
    kernel.write(connect(cookie=2))
    assert [event.cookie for event in hook.events()] == [2]


def test_events_that_cross_the_end_of_the_ring_are_whole(kernel: Kernel, hook: Hook) -> None:
    size = 8 + len(connect())
    fill = RING_BYTES - size // 2 - RING_BYTES % 8 - 8
    kernel.write(struct.pack("<Q", 9) + bytes(fill - 8))  # up to half an event before the end
    assert list(hook.events()) == []
    kernel.write(connect(cookie=5, comm=b"sixteen-bytes-ok"))
    assert list(hook.events()) == [Connect(5, 4711, 33, 77, b"sixteen-bytes-ok")]
    assert kernel.position > RING_BYTES


def test_the_pid_namespace_is_determined_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bpf, "_namespace", None)
    found = os.stat("/proc/self/ns/pid")
    expected = (os.major(found.st_dev) << 20 | os.minor(found.st_dev), found.st_ino)
    assert _bpf._pid_namespace() == (None if found.st_ino == 0xEFFFFFFC else expected)
    monkeypatch.setattr(os, "stat", None)
    assert _bpf._pid_namespace() == (None if found.st_ino == 0xEFFFFFFC else expected)
