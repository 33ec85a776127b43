# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start and stop the callers watch, with the best method of attribution that the kernel offers."""

import errno
import os
import signal
import socket
import typing as t

from .._callers._vocabulary import STATE_DIRECTORY
from .._imds._service import ADDRESS, ADDRESS_IPV6, PORT
from ._attribution import Attributor, Kernel
from ._bpf import Hook
from ._bpf_groups import NewGroups
from ._capture import Capture
from ._cgroups import Groups, Ownership
from ._loop import Watch
from ._mounts import cgroup_roots, drop_mount_privilege, initial_proc, mount_privately, mounted
from ._processes import Processes
from ._sockets import Sockets
from ._store import Locked, Store
from ._tracepoint import Tracepoint

SERVICE = socket.inet_aton(ADDRESS)
_ADDRESSES = (SERVICE, socket.inet_pton(socket.AF_INET6, ADDRESS_IPV6))
_METHODS = {
    "connect": "the kernel reports connecting processes",
    "tracepoint": "a tracepoint of the kernel reports connecting processes",
    "socket": "processes are looked up by their open sockets, and those that end soon are missed (partial coverage)",
}


class CannotWatch(Exception):
    """The watch cannot run; the text has the reason and the next step."""


def watch(
    directory: str = STATE_DIRECTORY, seconds: t.Optional[float] = None, log: t.Callable[[str], None] = print
) -> None:
    """Run the watch until SIGTERM or SIGINT, or for some seconds. *log* receives messages. Raises CannotWatch."""
    store = _store(directory)
    stop = _stop_pipe()
    capture = _capture()
    kernel, problems = _kernel(log)
    attribution = kernel.method if kernel is not None else "socket"
    try:
        proc = "/proc" if kernel is None or kernel.method != "tracepoint" else initial_proc() or "/proc"
        roots = cgroup_roots()
        if kernel is not None and kernel.groups is not None:
            roots[""] = kernel.groups.root
        processes = Processes(None if kernel is None else kernel.groups, proc, trusted=Ownership(roots).trusted)
        attributor = Attributor((ADDRESS, ADDRESS_IPV6), PORT, kernel, processes, Sockets())
        drop_mount_privilege()
        running = Watch(capture, attributor, store, attribution, log)
        for problem in problems:
            running.log_problem(problem)
        running.save()  # the status can be read once READY=1 is sent
        notify("READY=1\nSTATUS=Recording: %s." % _METHODS[attribution])
        running.run(stop, seconds)
    finally:
        notify("STOPPING=1")
        for resource in (kernel, capture, store):
            if resource is not None:
                resource.close()
    if store.problem:
        raise CannotWatch(store.problem)


def notify(state: str) -> None:
    """Notify systemd if it asked for that in NOTIFY_SOCKET, as sd_notify(3) does."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.sendto(state.encode("utf-8"), "\0" + path[1:] if path.startswith("@") else path)
    except OSError:
        pass  # systemd ends the start with a timeout


def _store(directory: str) -> Store:
    try:
        return Store(directory)
    except Locked as exc:
        raise CannotWatch(str(exc)) from None
    except OSError as exc:
        raise CannotWatch(
            "Cannot use the state directory %s: %s. Run as root, or pass another --state-dir."
            % (directory, exc.strerror)
        ) from None


def _capture() -> Capture:
    try:
        return Capture(ADDRESS, ADDRESS_IPV6, PORT)
    except OSError as exc:
        reason = "Cannot capture packets: %s. The watch needs CAP_NET_RAW. Run it as root." % (exc.strerror or exc)
        raise CannotWatch(reason) from None


def _kernel(log: t.Callable[[str], None]) -> t.Tuple[t.Optional[Kernel], t.List[str]]:
    """Return the best source of kernel events, and the limitations that the status reports."""
    try:
        return _bpf_kernel(log)
    except OSError as exc:
        needs = "They need Linux 5.8, CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN."
        no_bpf = "BPF programs cannot be loaded (%s). %s" % (exc.strerror or exc, needs)
    try:
        return Kernel(_tracepoint(), None, "tracepoint"), []
    except OSError as exc:
        no_trace = "The tracepoint sock:inet_sock_set_state cannot be used (%s)." % (exc.strerror or exc)
    return None, ["%s %s So %s." % (no_bpf, no_trace, _METHODS["socket"])]


def _bpf_kernel(log: t.Callable[[str], None]) -> t.Tuple[Kernel, t.List[str]]:
    """Return the BPF programs, attached to the root of control groups version 2. Raises OSError."""
    own = mounted("cgroup2")
    cgroup = own[0] if own else mount_privately("cgroup2")
    hook = Hook(cgroup, _ADDRESSES, PORT)
    problem = "Command names of processes that end soon are missed, because BPF programs cannot read them without CAP_PERFMON."
    created = _new_groups(log) if own else None  # else the units of this host are in groups of version 1
    return Kernel(hook, Groups(cgroup, created)), [] if hook.reports_names else [problem]


def _new_groups(log: t.Callable[[str], None]) -> t.Optional[NewGroups]:
    """Return the reports of new control groups, or None if the kernel does not offer them, and log the reason."""
    try:
        return NewGroups()
    except OSError as exc:
        text = "The kernel does not report new control groups (%s). On a busy host, the unit of a process that ends soon may be unknown."
        log(text % (exc.strerror or exc))
        return None


def _tracepoint() -> Tracepoint:
    """Return the tracepoint, from a tracefs of the host or, if none works, from a private mount. Raises OSError."""
    proc = initial_proc()
    if proc is None:
        raise OSError(errno.EINVAL, "the watch runs in a PID namespace of its own")
    for tracefs in mounted("tracefs"):
        try:
            return Tracepoint(tracefs, proc, _ADDRESSES, PORT)
        except OSError:
            continue  # such as read-only in the sandbox of the service
    return Tracepoint(mount_privately("tracefs"), proc, _ADDRESSES, PORT)


def _stop_pipe() -> int:
    """Return a descriptor that is readable once SIGTERM or SIGINT was received."""
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)
    return reader
