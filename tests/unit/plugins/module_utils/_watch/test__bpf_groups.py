# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that reports new control groups, and its events. `make watch` runs it in the kernel."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._watch import _bpf_groups
from ansible_collections.alicloud.imds.plugins.module_utils._watch._bpf_groups import NewGroups
from ansible_collections.alicloud.imds.plugins.module_utils._watch._trace_format import Layout

from .bpf_kernel import Kernel
from .instructions import listing, text

FORMAT = """name: cgroup_mkdir
ID: 544
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:int root;\toffset:8;\tsize:4;\tsigned:1;
\tfield:int level;\toffset:12;\tsize:4;\tsigned:1;
\tfield:u64 id;\toffset:16;\tsize:8;\tsigned:0;
\tfield:__data_loc char[] path;\toffset:24;\tsize:4;\tsigned:0;

print fmt: "root=%d id=%llu level=%d path=%s", REC->root, REC->id, REC->level, __get_str(path)
"""
# Linux 5.8 to 5.15
OLD_FORMAT = (
    FORMAT.replace("int level;\toffset:12", "int level;\toffset:16")
    .replace("u64 id;\toffset:16;\tsize:8", "int id;\toffset:12;\tsize:4")
    .replace("path;\toffset:24", "path;\toffset:20")
)

PROGRAM = """
r6 = r1                            // r6 = ctx
r0 = *(u32 *)(r6 +8)               // if (ctx->root != 0)
if w0 != 0x0 goto +19              //     return 0;
call get_current_uid_gid           // if ((bpf_get_current_uid_gid() & 0xffffffff) != 0)
if w0 != 0x0 goto +17              //     return 0;
r0 = *(u32 *)(r6 {id:+d})
*(u64 *)(r10 -392) = r0            // event.number = (u32) ctx->id;
r3 = *(u32 *)(r6 {path:+d})
r3 <<= 48
r3 >>= 48
r3 += r6                           // (void *) ctx + (ctx->path & 0xffff)
r1 = r10
r1 += -384                         // event.path
r2 = 384
call probe_read_kernel_str         // bpf_probe_read_kernel_str(event.path, PATH_BYTES, ...);
r1 = map[5]                        // &ring
r2 = r10
r2 += -392                         // &event
r3 = 392                           // sizeof(event)
r4 = 1                             // BPF_RB_NO_WAKEUP
call ringbuf_output
r0 = 0
exit
"""


@pytest.mark.parametrize(("format_", "id_", "path"), [(FORMAT, 16, 24), (OLD_FORMAT, 12, 20)])
def test_instructions(format_: str, id_: int, path: int) -> None:
    assert listing(_bpf_groups.created(Layout(format_, {}), 5)) == text(PROGRAM.format(id=id_, path=path))


class PerfEvents:
    """A replacement of perf_event_open(2) and of ioctl(2) with its descriptors."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, refused: str = "") -> None:
        self.refused = refused
        self.opened: list[tuple[Any, ...]] = []
        self.requests: list[tuple[int, int, int]] = []
        monkeypatch.setattr(_bpf_groups.calls, "system_call", self.open)
        monkeypatch.setattr(_bpf_groups.fcntl, "ioctl", self.ioctl)

    def open(self, number: int, name: str, attributes: bytes, *arguments: int) -> int:
        if self.refused == "open":
            raise PermissionError(errno.EACCES, name)
        self.opened.append((name, struct.unpack("=IIQQ", attributes[:24]), attributes[24:].strip(b"\0"), *arguments))
        return os.memfd_create("event", 0)

    def ioctl(self, descriptor: int, request: int, argument: int) -> None:
        if self.refused == "ioctl":
            raise OSError(errno.EINVAL, "ioctl")
        self.requests.append((descriptor, request, argument))


@pytest.fixture
def tracefs(tmp_path: Path) -> Path:
    folder = tmp_path / "events/cgroup/cgroup_mkdir"
    folder.mkdir(parents=True)
    (folder / "format").write_text(FORMAT)
    return tmp_path


def test_groups_are_reported_with_number_and_path(tracefs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(os.listdir("/proc/self/fd"))
    events, kernel = PerfEvents(monkeypatch), Kernel()
    groups = NewGroups(str(tracefs), kernel)
    ring, program = kernel.fds
    assert kernel.loaded == [(5, 0, _bpf_groups.created(Layout(FORMAT, {}), ring))]  # BPF_PROG_TYPE_TRACEPOINT
    # PERF_TYPE_TRACEPOINT, its number, any process, PERF_FLAG_FD_CLOEXEC
    assert events.opened == [("perf_event_open", (2, 112, 544, 1), b"", -1, 0, -1, 8)]
    (event,) = {descriptor for descriptor, _request, _argument in events.requests}
    assert [rest for _descriptor, *rest in events.requests] == [[0x40042408, program], [0x2400, 0]]
    assert not os.get_inheritable(ring) and not os.get_inheritable(program)
    paths = [b"/system.slice/a.service", b"/\xff\n", b"/" + b"x" * 381, b"/" + b"x" * 382]
    for number, path in enumerate(paths):
        kernel.write(struct.pack("<Q", number) + path.ljust(384, b"\0"))
    found = list(groups.read())
    assert [(number, os.fsencode(path)) for number, path in found] == list(enumerate(paths))[:3]  # the last may be cut
    assert list(groups.read()) == []
    groups.close()
    assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("refused", ["program", "open", "ioctl", "format", "number", "absent"])
def test_a_kernel_that_refuses_is_an_error_and_leaves_no_descriptor(
    tracefs: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    before = set(os.listdir("/proc/self/fd"))
    PerfEvents(monkeypatch, refused)
    kernel = Kernel(lambda code: refused == "program")
    path = tracefs / "events/cgroup/cgroup_mkdir/format"
    if refused == "format":
        path.write_text(FORMAT.replace("char[] path", "char[] name"))
    elif refused == "number":
        path.write_text(FORMAT.replace("u64 id", "u64 number"))
    elif refused == "absent":
        path.unlink()
    with pytest.raises(OSError):
        NewGroups(str(tracefs), kernel)
    for descriptor in kernel.fds[1:] if refused == "program" else ():
        os.close(descriptor)  # that of the refused program, which the real call would not have created
    assert set(os.listdir("/proc/self/fd")) == before


def test_an_unknown_processor_is_an_error(tracefs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((*real[:4], "sparc64")))
    with pytest.raises(OSError, match="unknown for sparc64"):
        NewGroups(str(tracefs), Kernel())
