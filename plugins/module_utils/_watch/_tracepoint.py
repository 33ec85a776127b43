# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Report connecting processes without BPF: the tracepoint sock:inet_sock_set_state (Linux 4.16), through tracefs.

The watch creates a tracing instance of its own, with small buffers, and removes it at the end. A filter in the kernel drops other
connections. The record of the change to SYN_SENT has the PID; the record of the change to ESTABLISHED has the local port. The address
of the socket in the kernel relates both. Records are read in binary form: in the text form, command names that contain line breaks
could forge records.

A process may end before the watch has inspected it, and a record has no user and no name. The watch therefore also inspects each
process when it starts a program (sched:sched_process_exec), unless the host starts very many.

PIDs are those of the initial PID namespace.
"""

import mmap
import os
import select
import socket
import struct
import time
import typing as t

from .._common._bounded import BoundedMap
from ._events import Connect, Established, Exec
from ._proc import identity, namespace, write
from ._trace_format import Layout, Record, records_of

_EVENT, _EXEC = "events/sock/inet_sock_set_state", "events/sched/sched_process_exec"
_PREFIX = "alicloud-imds-"
_BUFFER_KB = 64  # of each processor: about 800 records
_ESTABLISHED, _SYN_SENT = 1, 2
_TCP = 6
_MAPPED = b"\0" * 10 + b"\xff\xff"  # the first bytes of an IPv4-mapped IPv6 address
_KEPT = 4096  # connections that are not established yet
_EXECS_PER_SECOND = 200
_EXEC_PAUSE = 5.0  # seconds without records of started programs, once there were too many
_SIZES = {
    "skaddr": 8,
    "oldstate": 4,
    "newstate": 4,
    "sport": 2,
    "dport": 2,
    "family": 2,
    "protocol": 2,
    "saddr": 4,
    "daddr": 4,
    "saddr_v6": 16,
    "daddr_v6": 16,
}

Event = t.Union[Connect, Established, Exec]


class Tracepoint:
    """The tracepoint in a tracing instance, for connections to one of *addresses* and *port*."""

    reports_names = True  #: command names are read from /proc

    def __init__(self, tracefs: str, proc: str, addresses: t.Sequence[bytes], port: int) -> None:
        """Create the instance in *tracefs*. *proc* shows the initial PID namespace. Raises OSError."""
        self.lost = 0  #: records that the kernel overwrote before they were read
        self._proc = proc
        self._addresses = frozenset(addresses)
        self._port = port
        self._buffers: t.List[int] = []
        self._started: "BoundedMap[int, bool]" = BoundedMap(_KEPT)
        self._page = mmap.PAGESIZE
        remove_instances(tracefs)
        self._epoll = select.epoll()
        self._instance = "%s/instances/%s%d" % (tracefs, _PREFIX, os.getpid())
        try:
            os.mkdir(self._instance, 0o700)
            self._layout = Layout(_read_text("%s/%s/format" % (tracefs, _EVENT)), _SIZES)
            self._exec_layout = Layout(_read_text("%s/%s/format" % (tracefs, _EXEC)), {"pid": 4})
            self._execs = _Execs("%s/%s/enable" % (self._instance, _EXEC))
            self._set_up()
        except OSError:
            self.close()
            raise

    def fileno(self) -> int:
        """Return a descriptor that is readable when there are records."""
        return self._epoll.fileno()

    def waiting(self) -> bool:
        """Return whether there are unread records."""
        return bool(self._epoll.poll(0))

    def events(self) -> t.Iterator[Event]:
        """Yield the events up to now, in order."""
        self._execs.resume(time.monotonic())
        events = self._read()
        # A connection starts on one processor and is established on another. If the second was read, the first can be read now.
        if any(isinstance(event, Established) and event.cookie not in self._started for event in events):
            events = self._read() + events
            events.sort(key=lambda event: isinstance(event, Established))
        for event in events:
            if isinstance(event, Established):
                self._started.pop(event.cookie)
            yield event

    def close(self) -> None:
        """Remove the instance, and close all descriptors."""
        while self._buffers:
            os.close(self._buffers.pop())
        if not self._epoll.closed:
            self._epoll.close()
        _remove(self._instance)

    def _set_up(self) -> None:
        write(self._instance + "/buffer_size_kb", str(_BUFFER_KB))
        for name, value in (("buffer_percent", "0"), ("options/record-cmd", "0"), ("trace_clock", "mono")):
            try:
                write("%s/%s" % (self._instance, name), value)
            except OSError:
                pass  # older kernels do not have it, and behave in this way or less efficiently
        event = "%s/%s" % (self._instance, _EVENT)
        self._write_filter(event + "/filter")
        for name in sorted(os.listdir(self._instance + "/per_cpu")):
            path = "%s/per_cpu/%s/trace_pipe_raw" % (self._instance, name)
            self._buffers.append(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
            self._epoll.register(self._buffers[-1], select.EPOLLIN)
        write(event + "/enable", "1")
        self._execs.resume(time.monotonic())

    def _write_filter(self, path: str) -> None:
        """Filter by state, port and address. The kernel compares only addresses of 4 bytes; some kernels do not compare them."""
        states = "dport == %d && (newstate == %d || (oldstate == %d && newstate == %d))" % (
            (self._port, _SYN_SENT, _SYN_SENT, _ESTABLISHED)
        )
        ipv4 = [struct.unpack("=I", address)[0] for address in self._addresses if len(address) == 4]
        ours = " || ".join(["family == %d" % socket.AF_INET6] + ["daddr == %d" % number for number in ipv4])
        try:
            write(path, "%s && (%s)" % (states, ours))
        except OSError:
            write(path, states)

    def _read(self) -> t.List[Event]:
        """Return the events in all buffers, in order of their times. New ones may arrive faster than read."""
        records: t.List[Record] = []
        for descriptor in self._buffers:
            for _page in range(_BUFFER_KB * 1024 // self._page + 1):
                try:
                    page = os.read(descriptor, self._page)
                except OSError:  # EAGAIN: empty
                    break
                if not page:
                    break
                found, lost = records_of(page)
                records += found
                self.lost += lost
        records.sort(key=lambda record: record.time)
        events = [self._event(record.data) for record in records]
        return [event for event in events if event is not None]

    def _event(self, data: bytes) -> t.Optional[Event]:
        """Return the event of a record, or None if it is about another connection."""
        at = self._layout.offsets
        kind = _number(data, at["common_type"], "=H") if len(data) >= 8 else 0
        if kind == self._exec_layout.kind and len(data) >= self._exec_layout.length:
            if not self._execs.within_budget(time.monotonic()):
                return None
            return Exec(_number(data, self._exec_layout.offsets["pid"], "=i"))
        if kind != self._layout.kind or len(data) < self._layout.length:
            return None
        family, protocol = _number(data, at["family"], "=H"), _number(data, at["protocol"], "=H")
        if protocol != _TCP or _number(data, at["dport"], "=H") != self._port:
            return None
        remote, local = (data[at[name] : at[name] + 4] for name in ("daddr", "saddr"))
        if family == socket.AF_INET6:
            six = data[at["daddr_v6"] : at["daddr_v6"] + 16]
            remote = six[12:] if six.startswith(_MAPPED) else six
        if remote not in self._addresses:
            return None
        cookie = _number(data, at["skaddr"], "=Q")
        if _number(data, at["newstate"], "=i") == _SYN_SENT:
            self._started.put(cookie, True)
            task = _number(data, at["common_pid"], "=i")
            pid, uid = identity(self._proc, task) or (task, None)
            return Connect(cookie, pid, uid, 0, b"", namespace(self._proc, task, "net"))
        if len(remote) == 16:
            source = socket.inet_ntop(socket.AF_INET6, data[at["saddr_v6"] : at["saddr_v6"] + 16])
        else:
            source = socket.inet_ntoa(local)
        return Established(cookie, source, _number(data, at["sport"], "=H"), None)


class _Execs:
    """The tracepoint of started programs, which is disabled for some seconds when there are too many of them."""

    def __init__(self, switch: str) -> None:
        """*switch* is the path of the file ``enable``."""
        self._switch = switch
        self._enabled = False
        self._begin = float("-inf")  # of the second in which programs are counted, or of the pause
        self._count = 0

    def within_budget(self, now: float) -> bool:
        """Count a program; return whether its process is inspected."""
        if not self._enabled:
            return False
        if now - self._begin >= 1:
            self._begin, self._count = now, 0
        self._count += 1
        if self._count > _EXECS_PER_SECOND:
            self._enabled = False
            self._write("0")
        return self._enabled

    def resume(self, now: float) -> None:
        """Enable the tracepoint, unless there were too many programs some seconds ago."""
        if not self._enabled and now - self._begin >= _EXEC_PAUSE:
            self._enabled, self._begin, self._count = True, now, 0
            self._write("1")

    def _write(self, value: str) -> None:
        try:
            write(self._switch, value)
        except OSError:
            pass  # connecting processes are still inspected


def remove_instances(tracefs: str) -> None:
    """Remove the instances of watches that were killed. The kernel refuses to remove an instance that is in use."""
    try:
        names = os.listdir(tracefs + "/instances")
    except OSError:
        return
    for name in names:
        if name.startswith(_PREFIX):
            _remove("%s/instances/%s" % (tracefs, name))


def _remove(path: str) -> None:
    try:
        os.rmdir(path)
    except OSError:
        pass  # it does not exist, or another watch uses it


def _number(data: bytes, offset: int, code: str) -> int:
    return int(struct.unpack_from(code, data, offset)[0])


def _read_text(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as stream:
        return stream.read()
