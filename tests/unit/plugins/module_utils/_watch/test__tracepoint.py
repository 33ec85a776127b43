# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tracepoint: pages of the kernel's ring buffer, and a directory that stands in for tracefs."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._watch import _tracepoint
from ansible_collections.alicloud.imds.plugins.module_utils._watch._events import Connect, Established, Exec
from ansible_collections.alicloud.imds.plugins.module_utils._watch._trace_format import Record, records_of
from ansible_collections.alicloud.imds.plugins.module_utils._watch._tracepoint import Tracepoint

FOUR, SIX = socket.inet_aton("100.100.100.200"), socket.inet_pton(socket.AF_INET6, "fd00:100::100:200")
LOCAL4, LOCAL6 = socket.inet_aton("10.0.0.1"), socket.inet_pton(socket.AF_INET6, "fd00::1")
COMMON = """\
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;
"""
SOCK_FORMAT = f"""name: inet_sock_set_state
ID: 2287
format:
{COMMON}
\tfield:const void * skaddr;\toffset:8;\tsize:8;\tsigned:0;
\tfield:int oldstate;\toffset:16;\tsize:4;\tsigned:1;
\tfield:int newstate;\toffset:20;\tsize:4;\tsigned:1;
\tfield:__u16 sport;\toffset:24;\tsize:2;\tsigned:0;
\tfield:__u16 dport;\toffset:26;\tsize:2;\tsigned:0;
\tfield:__u16 family;\toffset:28;\tsize:2;\tsigned:0;
\tfield:__u16 protocol;\toffset:30;\tsize:2;\tsigned:0;
\tfield:__u8 saddr[4];\toffset:32;\tsize:4;\tsigned:0;
\tfield:__u8 daddr[4];\toffset:36;\tsize:4;\tsigned:0;
\tfield:__u8 saddr_v6[16];\toffset:40;\tsize:16;\tsigned:0;
\tfield:__u8 daddr_v6[16];\toffset:56;\tsize:16;\tsigned:0;
"""
EXEC_FORMAT = f"""name: sched_process_exec
ID: 311
format:
{COMMON}
\tfield:__data_loc char[] filename;\toffset:8;\tsize:4;\tsigned:0;
\tfield:pid_t pid;\toffset:12;\tsize:4;\tsigned:1;
\tfield:pid_t old_pid;\toffset:16;\tsize:4;\tsigned:1;
"""


def sock(
    new: int, cookie: int = 7, pid: int = 0, sport: int = 0, dport: int = 80, family: int = 2, protocol: int = 6,
    local: bytes = LOCAL4, remote: bytes = FOUR,
) -> bytes:  # fmt: skip
    four = [one[-4:] for one in (local, remote)]
    six = [one.rjust(16, b"\xff").replace(b"\xff" * 12, b"\0" * 10 + b"\xff\xff") for one in (local, remote)]
    head = struct.pack(
        "=HBBiQiiHHHH", 2287, 0, 0, pid, cookie, 2 if new == 1 else 7, new, sport, dport, family, protocol
    )
    return head + b"".join(four) + b"".join(six)


def execed(pid: int) -> bytes:
    return struct.pack("=HBBiIii", 311, 0, 0, pid, 20 | 5 << 16, pid, pid) + b"bash\0\0\0\0"


def page(*records: tuple[int, bytes], time: int = 1000, flags: int = 0, lost: int | None = None) -> bytes:
    """Return a page with records: the difference of time, and the data."""
    data = b""
    for delta, record in records:
        assert len(record) % 4 == 0
        if len(record) <= 28 * 4:
            data += struct.pack("=I", len(record) // 4 | delta << 5) + record
        else:
            data += struct.pack("=II", delta << 5, len(record) + 4) + record
    counted = b"" if lost is None else struct.pack("=Q", lost)
    return (struct.pack("=QQ", time, len(data) | flags) + data + counted).ljust(4096, b"\xee")


def test_records_and_their_times() -> None:
    found, lost = records_of(page((5, b"abcd"), (7, b"x" * 200), (1, b"efgh")))
    assert found == [Record(1005, b"abcd"), Record(1012, b"x" * 200), Record(1013, b"efgh")] and lost == 0


def test_padding_and_times() -> None:
    extend, stamp = struct.pack("=II", 30 | 3 << 5, 2), struct.pack("=II", 31 | 9 << 5, 1)
    removed = struct.pack("=II", 29 | 1 << 5, 12) + b"removed!"
    data = extend + struct.pack("=I", 1 | 1 << 5) + b"1111" + removed + stamp + struct.pack("=I", 1 | 2 << 5) + b"2222"
    data += struct.pack("=I", 29) + b"nothing after this"
    found, _lost = records_of(struct.pack("=QQ", 10, len(data)) + data)
    assert found == [Record(10 + (2 << 27) + 3 + 1, b"1111"), Record((1 << 27) + 9 + 2, b"2222")]


@pytest.mark.parametrize(("flags", "lost", "expected"), [(1 << 31, None, 1), (1 << 31 | 1 << 30, 42, 42), (0, None, 0)])
def test_lost_records_are_counted(flags: int, lost: int | None, expected: int) -> None:
    assert records_of(page((1, b"abcd"), flags=flags, lost=lost)) == ([Record(1001, b"abcd")], expected)


@pytest.mark.parametrize(
    "data", [b"", b"short", struct.pack("=QQ", 0, 4096) + b"\1", struct.pack("=QQI", 0, 8, 0) + b"\0" * 4]
)
def test_a_truncated_page_has_no_records(data: bytes) -> None:
    found, _lost = records_of(data)
    assert all(record.data == b"" for record in found)


class Tracefs:
    """A directory with the files of tracefs. The buffers are named pipes, which can be polled like those of the kernel."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root / "tracing"
        self.proc = root / "proc"
        self.instances = self.root / "instances"
        self.instances.mkdir(parents=True)
        for name, text in (("sock/inet_sock_set_state", SOCK_FORMAT), ("sched/sched_process_exec", EXEC_FORMAT)):
            (self.root / "events" / name).mkdir(parents=True)
            (self.root / "events" / name / "format").write_text(text)
        self.real_mkdir = os.mkdir
        monkeypatch.setattr(_tracepoint.os, "mkdir", self.mkdir)
        monkeypatch.setattr(_tracepoint.os, "rmdir", self.rmdir)
        self.refuse_addresses = False
        self.removed: list[str] = []

    def mkdir(self, path: str, mode: int = 0o777, **options: int) -> None:
        self.real_mkdir(path, mode, **options)
        folder = Path(path)
        if folder.parent != self.instances or mode != 0o700:
            return
        for name in ("events/sock/inet_sock_set_state", "events/sched/sched_process_exec", "options", "per_cpu"):
            os.makedirs(folder / name)
        for name in ("buffer_size_kb", "trace_clock", "events/sock/inet_sock_set_state/filter"):
            (folder / name).touch()
        for name in ("sock/inet_sock_set_state", "sched/sched_process_exec"):
            (folder / "events" / name / "enable").touch()
        for name in ("cpu0", "cpu1"):
            os.makedirs(folder / "per_cpu" / name)
            os.mkfifo(folder / "per_cpu" / name / "trace_pipe_raw")

    def rmdir(self, path: str, **options: int) -> None:
        self.removed.append(Path(path).name)

    def instance(self) -> Path:
        return self.instances / f"alicloud-imds-{os.getpid()}"

    def read(self, name: str) -> str:
        return (self.instance() / name).read_text()

    def write(self, cpu: int, content: bytes) -> None:
        path = self.instance() / f"per_cpu/cpu{cpu}/trace_pipe_raw"
        with path.open("wb", buffering=0) as stream:
            stream.write(content)

    def process(self, pid: int, uid: int, tgid: int | None = None) -> None:
        (self.proc / str(pid)).mkdir(parents=True, exist_ok=True)
        (self.proc / str(pid) / "status").write_text(f"Name:\tcurl\nTgid:\t{tgid or pid}\nUid:\t{uid}\t0\t0\t0\n")


@pytest.fixture
def tracefs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tracefs:
    return Tracefs(tmp_path, monkeypatch)


@pytest.fixture
def tracepoint(tracefs: Tracefs, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tracepoint]:
    real = os.open
    # A pipe without a writer is at its end; one that this process may write to is empty.
    monkeypatch.setattr(
        _tracepoint.os,
        "open",
        lambda path, flags, *rest, **options: real(
            path, flags | (os.O_RDWR if "trace_pipe" in str(path) else 0), *rest, **options
        ),
    )
    made = Tracepoint(str(tracefs.root), str(tracefs.proc), [FOUR, SIX], 80)
    yield made
    made.close()


def test_the_instance_is_small_filtered_and_removed(tracefs: Tracefs, tracepoint: Tracepoint) -> None:
    assert tracefs.read("buffer_size_kb") == "64"
    (number,) = struct.unpack("=I", FOUR)
    assert tracefs.read("events/sock/inet_sock_set_state/filter") == (
        "dport == 80 && (newstate == 2 || (oldstate == 2 && newstate == 1)) && (family == 10 || daddr == %d)" % number
    )
    assert tracefs.read("events/sock/inet_sock_set_state/enable") == "1"
    assert tracefs.read("events/sched/sched_process_exec/enable") == "1"
    assert tracefs.removed == []
    tracepoint.close()
    assert tracefs.removed == [tracefs.instance().name]


def test_an_older_instance_is_removed(tracefs: Tracefs) -> None:
    (tracefs.instances / "alicloud-imds-4711").mkdir()
    (tracefs.instances / "of-another-program").mkdir()
    _tracepoint.remove_instances(str(tracefs.root))
    assert tracefs.removed == ["alicloud-imds-4711"]


def test_lost_records_of_all_processors_are_added(tracefs: Tracefs, tracepoint: Tracepoint) -> None:
    tracefs.process(4711, 33)
    for cpu, lost in ((0, 7), (1, 35)):
        tracefs.write(cpu, page((1, sock(2, cookie=cpu, pid=4711)), flags=1 << 31 | 1 << 30, lost=lost))
    assert len(list(tracepoint.events())) == 2 and tracepoint.lost == 42


def test_records_that_arrive_as_fast_as_they_are_read_are_left_for_the_next_time(
    tracefs: Tracefs, tracepoint: Tracepoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracefs.process(4711, 33)
    real, read = os.read, []

    def read_and_write(descriptor: int, size: int) -> bytes:
        assert len(read) < 1000
        read.append(real(descriptor, size))
        tracefs.write(0, page((1, sock(2, cookie=len(read), pid=4711))))
        return read[-1]

    tracefs.write(0, page((1, sock(2, cookie=0, pid=4711))))
    with monkeypatch.context() as patched:
        patched.setattr(_tracepoint.os, "read", read_and_write)
        found = list(tracepoint.events())
    assert 0 < len(found) < 100 and tracepoint.waiting()


def test_a_connection_on_two_processors(tracefs: Tracefs, tracepoint: Tracepoint) -> None:
    tracefs.process(4711, 33)
    assert not tracepoint.waiting() and list(tracepoint.events()) == []
    tracefs.write(1, page((1, sock(2, pid=4711)), time=10))
    tracefs.write(0, page((1, sock(1, sport=40000)), time=20))
    assert tracepoint.waiting()
    assert list(tracepoint.events()) == [Connect(7, 4711, 33, 0, b""), Established(7, "10.0.0.1", 40000, None)]
    assert not tracepoint.waiting()


@pytest.mark.parametrize(
    ("record", "source"),
    [
        (sock(1, sport=40000, family=10, local=LOCAL6, remote=SIX), "fd00::1"),
        (sock(1, sport=40000, family=10), "10.0.0.1"),
    ],
    ids=["IPv6", "IPv4-mapped"],
)
def test_ipv6_sockets(tracefs: Tracefs, tracepoint: Tracepoint, record: bytes, source: str) -> None:
    tracefs.write(0, page((1, record)))
    assert list(tracepoint.events()) == [Established(7, source, 40000, None)]


@pytest.mark.parametrize(
    "record",
    [
        sock(2, dport=443),
        sock(2, remote=LOCAL4),
        sock(2, family=10, remote=LOCAL6),
        sock(2, protocol=262),  # the parent socket of Multipath TCP
        sock(2)[:40],
        b"\xff" * 72,
    ],
    ids=["port", "address", "IPv6 address", "protocol", "short", "kind"],
)
def test_other_records_are_ignored(tracefs: Tracefs, tracepoint: Tracepoint, record: bytes) -> None:
    tracefs.write(0, page((1, record)))
    assert list(tracepoint.events()) == []


def test_a_thread_is_its_process_and_an_ended_process_has_no_user(tracefs: Tracefs, tracepoint: Tracepoint) -> None:
    tracefs.process(4712, 33, tgid=4711)
    tracefs.write(0, page((1, sock(2, cookie=1, pid=4712)), (1, sock(2, cookie=2, pid=99))))
    assert list(tracepoint.events()) == [Connect(1, 4711, 33, 0, b""), Connect(2, 99, None, 0, b"")]


def test_started_programs_are_reported_until_there_are_too_many(
    tracefs: Tracefs, tracepoint: Tracepoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [_tracepoint.time.monotonic() + 1000]
    monkeypatch.setattr(_tracepoint.time, "monotonic", lambda: clock[0])
    switch = "events/sched/sched_process_exec/enable"

    def start(first: int, count: int) -> list[int]:
        for pid in range(first, first + count, 50):
            tracefs.write(0, page(*((1, execed(one)) for one in range(pid, min(pid + 50, first + count)))))
        return sorted(event.pid for event in tracepoint.events() if isinstance(event, Exec))

    assert start(1, 200) == list(range(1, 201)) and tracefs.read(switch) == "1"
    assert start(201, 50) == [] and tracefs.read(switch) == "0"
    clock[0] += 4
    assert start(251, 1) == [] and tracefs.read(switch) == "0"
    clock[0] += 6
    assert start(252, 1) == [252] and tracefs.read(switch) == "1"


def test_an_unknown_format_is_an_error_and_leaves_no_instance(tracefs: Tracefs) -> None:
    text = SOCK_FORMAT.replace("size:8", "size:4")
    (tracefs.root / "events/sock/inet_sock_set_state/format").write_text(text)
    with pytest.raises(OSError, match="skaddr"):
        Tracepoint(str(tracefs.root), str(tracefs.proc), [FOUR, SIX], 80)
    assert tracefs.removed == [tracefs.instance().name]
