# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that reports new control groups, and its events. `make watch` runs it in the kernel."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._watch import _bpf_groups, _run
from ansible_collections.alicloud.imds.plugins.module_utils._watch._bpf_groups import NewGroups

from .bpf_kernel import Kernel
from .btf import types
from .instructions import listing, text

KERNEL = {"cgroup": {"kn": 2048, "root": 5568}, "cgroup_root": {"hierarchy_id": 96}, "kernfs_node": {"id": 768}}
OFFSETS = {
    ("cgroup", "kn"): 256,
    ("cgroup", "root"): 696,
    ("cgroup_root", "hierarchy_id"): 12,
    ("kernfs_node", "id"): 96,
}

PROGRAM = """
r6 = r1                            // r6 = ctx
call get_current_uid_gid           // if ((bpf_get_current_uid_gid() & 0xffffffff) != 0)
if w0 != 0x0 goto +39              //     return 0;
r7 = *(u64 *)(r6 +0)               // r7 = ctx[0];
r3 = r7
r3 += 696
r1 = r10
r1 += -400                         // &value
r2 = 8
call probe_read_kernel             // value = r7->root;
r3 = *(u64 *)(r10 -400)
r3 += 12
r1 = r10
r1 += -400
r2 = 4
call probe_read_kernel             // value = value->hierarchy_id;
r0 = *(u32 *)(r10 -400)
if w0 != 0x0 goto +24              // if (value != 0) return 0;
r3 = r7
r3 += 256
r1 = r10
r1 += -392                         // &event.number
r2 = 8
call probe_read_kernel             // event.number = r7->kn;
r3 = *(u64 *)(r10 -392)
r3 += 96
r1 = r10
r1 += -392
r2 = 8
call probe_read_kernel             // event.number = event.number->id;
r3 = *(u64 *)(r6 +8)               // ctx[1]
r1 = r10
r1 += -384                         // &event.path
r2 = 384
call probe_read_kernel_str         // bpf_probe_read_kernel_str(&event.path, PATH_BYTES, ctx[1]);
r1 = map[5]                        // &ring
r2 = r10
r2 += -392                         // &event
r3 = 392                           // sizeof(event)
r4 = 1                             // BPF_RB_NO_WAKEUP
call ringbuf_output
r0 = 0
exit
"""


def test_instructions() -> None:
    assert listing(_bpf_groups.created(OFFSETS, 5)) == text(PROGRAM)


@pytest.fixture
def kernel_types(tmp_path: Path) -> Path:
    path = tmp_path / "vmlinux"
    path.write_bytes(types(KERNEL))
    return path


def test_groups_are_reported_with_number_and_path(kernel_types: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    kernel = Kernel()
    groups = NewGroups(str(kernel_types), kernel)
    ring, program, _link = kernel.fds
    assert kernel.loaded == [(17, 0, _bpf_groups.created(OFFSETS, ring))]  # BPF_PROG_TYPE_RAW_TRACEPOINT
    assert kernel.tracepoints == [(b"cgroup_mkdir", program)]
    assert not any(os.get_inheritable(descriptor) for descriptor in kernel.fds)
    paths = [b"/system.slice/a.service", b"/\xff\n", b"/" + b"x" * 381, b"/" + b"x" * 382]
    for number, path in enumerate(paths):
        kernel.write(struct.pack("<Q", 1 << 32 | number) + path.ljust(384, b"\0"))
    found = list(groups.read())
    expected = [(1 << 32 | number, path) for number, path in enumerate(paths)]
    assert [(number, os.fsencode(path)) for number, path in found] == expected[:3]  # the last may be cut
    assert list(groups.read()) == []
    groups.close()
    assert set(os.listdir("/proc/self/fd")) == before


def test_the_watch_logs_that_the_kernel_offers_no_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise FileNotFoundError(2, "No such file or directory")

    messages: list[str] = []
    monkeypatch.setattr(_run, "NewGroups", refuse)
    assert _run._new_groups(messages.append) is None
    (message,) = messages
    assert message.startswith("The kernel does not report new control groups (No such file or directory). ")


@pytest.mark.parametrize("refused", ["program", "tracepoint", "types", "absent"])
def test_a_kernel_that_refuses_is_an_error_and_leaves_no_descriptor(kernel_types: Path, refused: str) -> None:
    before = set(os.listdir("/proc/self/fd"))
    kernel = Kernel(lambda code: refused == ("program" if code else "tracepoint"))
    if refused == "types":
        kernel_types.write_bytes(types({**KERNEL, "kernfs_node": {"number": 768}}))
    elif refused == "absent":
        kernel_types.unlink()
    with pytest.raises(OSError):
        NewGroups(str(kernel_types), kernel)
    for descriptor in kernel.fds[{"program": 1, "tracepoint": 2}.get(refused, 0) :]:
        os.close(descriptor)  # that of the refused call, which the real one would not have created
    assert set(os.listdir("/proc/self/fd")) == before
