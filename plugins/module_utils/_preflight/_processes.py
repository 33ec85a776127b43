# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find running processes that still use an old library or program that was replaced or deleted.

The kernel shows the name of each open or mapped file that was deleted, and a deleted program can still be read. Loaded Python
modules leave no such trace: there, a process that started before the package was installed is a warning. Processes of Node.js
and PHP cannot be judged. Command lines and environments may hold secrets: command lines are not returned, environments not
read.
"""

import os
import re
import time
import typing as t

from . import _go, _java, _python
from ._files import Files
from ._findings import Finding, finding
from ._libraries import judge
from ._programs import linked

_DELETED = " (deleted)"
_PYTHON = re.compile(r"/python[\d.]*\Z")
_MAX_MAPS = 1 << 23
_MAX_OPEN_FILES = 4096
# The clocks of the kernel and of the file system differ a little (seconds).
_TOLERANCE = 2.0
# time.CLOCK_BOOTTIME, which Python 3.6 does not name. Source: linux/time.h
_CLOCK_BOOTTIME = 7


class Process(t.NamedTuple):
    """A running process; ``argument`` is the first word of its command line, ``start`` in seconds since 1970."""

    pid: int
    exe: str
    argument: str
    start: float
    used: t.List[str]  # paths mapped or open
    same_mounts: bool  # it is in the mount namespace of this process


class Examined(t.NamedTuple):
    """Findings, and the number of processes examined."""

    findings: t.List[Finding]
    processes: int


def check(files: Files, metadata: t.Sequence[str]) -> Examined:
    """Examine all processes; *metadata* are the real paths of the metadata of Python packages."""
    findings: t.List[Finding] = []
    packages = [(package, _changed(package.path)) for package in _python.packages(files, metadata, _python.LIBRARIES)]
    good = [(package, when) for package, when in packages if when and not any(_python.check(files, [package.path]))]
    denied = examined = 0
    for pid in _pids(files):
        if files.deadline.expired:
            files.stopped = "the deadline has passed"
            break
        try:
            process = _read_process(files, pid)
        except PermissionError:
            denied += 1
            continue
        except (OSError, ValueError, IndexError):
            # It has ended, or is a kernel thread.
            continue
        examined += 1
        findings += _deleted(files, process)
        findings += _older_than_package(files, process, good)
    if denied:
        findings.append(finding("processes_not_examined", count=denied))
    return Examined(findings, examined)


def _pids(files: Files) -> t.List[int]:
    """Return the PIDs in /proc, sorted."""
    try:
        return sorted(int(name) for name in os.listdir(files.real("/proc")) if name.isdigit())
    except OSError:
        return []


def _read_process(files: Files, pid: int) -> Process:
    """Return what /proc shows of a process.

    Raise PermissionError, or another error if it has ended or is a kernel thread.
    """
    base = files.real("/proc/%d" % pid)
    exe = os.readlink(base + "/exe")
    maps = _read(base + "/maps", _MAX_MAPS)
    used = dict.fromkeys(line[line.index("/") :] for line in maps.splitlines() if "/" in line)
    with os.scandir(base + "/fd") as entries:
        for number, entry in enumerate(entries):
            if number >= _MAX_OPEN_FILES:
                break
            try:
                used[os.readlink(entry.path)] = None
            except OSError:
                continue
    # Count the fields after the name, which may contain spaces and parentheses.
    ticks = int(_read(base + "/stat", 4096).rpartition(")")[2].split()[19])
    # btime in /proc/stat has whole seconds only.
    booted = time.time() - time.clock_gettime(_CLOCK_BOOTTIME)
    start = booted + ticks / os.sysconf("SC_CLK_TCK")
    argument = _read(base + "/cmdline", 4096).partition("\0")[0]
    same = os.readlink(base + "/ns/mnt") == os.readlink(files.real("/proc/self/ns/mnt"))
    return Process(pid, exe, argument, start, list(used), same)


def _deleted(files: Files, process: Process) -> t.Iterator[Finding]:
    """Yield findings about deleted files that the process still uses and that are too old."""
    for path in process.used:
        jar = path.endswith(_DELETED) and _java.version_in_name(path[: -len(_DELETED)])
        if jar and any(judge(_java.LIBRARY, jar, path)):
            yield _deleted_file(files, process, path, jar)
    if process.exe.endswith(_DELETED):
        try:
            with open(files.real("/proc/%d/exe" % process.pid), "rb") as stream:
                built = _go.read_open(stream)
        except OSError:
            return
        for one in linked(built, process.exe) if built else []:
            yield _deleted_file(files, process, process.exe, "%s %s" % (one["title"], one["evidence"].get("version")))


def _deleted_file(files: Files, process: Process, path: str, what: str) -> Finding:
    """Return the finding about one deleted *path* that the process still uses."""
    shown = files.shown(files.root + path[: -len(_DELETED)])
    return finding("process_runs_deleted_file", "It still uses: %s." % what, pid=process.pid, path=shown)


def _older_than_package(
    files: Files, process: Process, packages: t.Sequence[t.Tuple[_python.Package, float]]
) -> t.Iterator[Finding]:
    """Yield a finding for each package in the environment of a Python process that was installed after its start."""
    if not process.same_mounts or not _PYTHON.search(process.exe.replace(_DELETED, "")) or process.pid == os.getpid():
        return
    for package, changed in packages:
        site = os.path.dirname(os.path.dirname(package.path))
        if process.start + _TOLERANCE < changed and _imports_from(process, site):
            detail = "Whether it has loaded the package cannot be determined."
            yield finding(
                "process_older_than_package",
                detail,
                pid=process.pid,
                path=files.shown(package.path),
                version=package.version,
            )


def _imports_from(process: Process, site: str) -> bool:
    """Return whether the Python process imports packages from the folder *site*."""
    if any(path.startswith(site + "/") for path in process.used):
        return True
    for program in (process.argument, process.exe):
        prefix = os.path.dirname(os.path.dirname(program))
        inside = program.startswith("/") and site.startswith(prefix + "/") and site[len(prefix) :]
        if inside and re.match(r"/(?:local/)?lib(?:64)?/python", inside):
            return True
    return False


def _changed(path: str) -> t.Optional[float]:
    """Return when the file was installed: its ctime, which unlike the mtime no installer can set."""
    try:
        return os.stat(path).st_ctime
    except OSError:
        return None


def _read(path: str, limit: int) -> str:
    """Return the first *limit* bytes of a file of /proc as text."""
    with open(path, "rb") as stream:
        return os.fsdecode(stream.read(limit))
