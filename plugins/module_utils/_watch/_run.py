# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How does the watch begin and end? Uses the best that the kernel offers, and says what it does without.

Private to the collection.
"""

from __future__ import annotations

import os
import signal
import socket
import typing as t

from .._callers._vocabulary import STATE_DIRECTORY
from .._imds._service import ADDRESS, PORT
from ._attribution import Finder, Kernel
from ._bpf import Hook
from ._capture import Capture
from ._cgroups import Groups
from ._loop import Watch
from ._processes import Processes
from ._sockets import Sockets
from ._store import Locked, Store

SERVICE = socket.inet_aton(ADDRESS)
_METHODS = {
    "connect": "callers are told by the kernel when they connect",
    "socket": "callers are looked up in the tables of sockets; those that end soon are missed",
}


class CannotWatch(Exception):
    """The watch cannot run here; the text says why and what to do."""


def watch(
    directory: str = STATE_DIRECTORY, seconds: t.Optional[float] = None, log: t.Callable[[str], None] = print
) -> None:
    """Watch until SIGTERM or SIGINT, or for some seconds. *log* gets sentences on how it goes."""
    store = _store(directory)
    stop = _stop_pipe()
    capture = _capture()
    kernel, problems = _kernel()
    found_by = "connect" if kernel is not None else "socket"
    try:
        processes = Processes(None if kernel is None else kernel.groups)
        finder = Finder(SERVICE, PORT, kernel, processes, Sockets())
        running = Watch(capture, finder, store, found_by, log)
        for problem in problems:
            running.log_problem(problem)
        running.save()  # whoever is told that the watch is ready can read how it does
        notify("READY=1\nSTATUS=Watching: %s." % _METHODS[found_by])
        running.run(stop, seconds)
    finally:
        notify("STOPPING=1")
        for thing in (kernel, capture, store):
            if thing is not None:
                thing.close()
    if store.problem:
        raise CannotWatch(store.problem)


def notify(state: str) -> None:
    """Tell systemd, where it wants to know (sd_notify(3))."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as teller:
            teller.sendto(state.encode("utf-8"), "\0" + path[1:] if path.startswith("@") else path)
    except OSError:
        pass  # the service manager will notice that it is not told


def _store(directory: str) -> Store:
    try:
        return Store(directory)
    except Locked as exc:
        raise CannotWatch(str(exc)) from None
    except OSError as exc:
        raise CannotWatch("%s cannot be used: %s. Choose another --state-dir." % (directory, exc.strerror)) from None


def _capture() -> Capture:
    try:
        return Capture(SERVICE, PORT)
    except OSError as exc:
        reason = "Packets cannot be captured: %s. The watch needs CAP_NET_RAW; run it as root." % exc.strerror
        raise CannotWatch(reason) from None


def _kernel() -> t.Tuple[t.Optional[Kernel], t.List[str]]:
    cgroup = _cgroup2()
    if cgroup is None:
        return None, ["No control groups of version 2 are mounted, so %s." % _METHODS["socket"]]
    try:
        hook = Hook(cgroup, SERVICE, PORT)
        lacks = (
            "The kernel does not tell command names without CAP_PERFMON; those of processes that end soon are missed."
        )
        return Kernel(hook, Groups(cgroup)), [] if hook.tells_names else [lacks]
    except OSError as exc:
        reason = "The kernel cannot tell who connects (%s)" % exc.strerror
        return None, [
            "%s, so %s. It takes Linux 5.8, CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN." % (reason, _METHODS["socket"])
        ]


def _cgroup2(mounts: str = "/proc/self/mounts") -> t.Optional[str]:
    """Where the control groups of version 2 are."""
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as stream:
            lines = [line.split(" ") for line in stream]
    except OSError:
        return None
    return next((fields[1] for fields in lines if len(fields) > 2 and fields[2] == "cgroup2"), None)


def _stop_pipe() -> int:
    """A descriptor that can be read once SIGTERM or SIGINT has come."""
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)
    return reader
