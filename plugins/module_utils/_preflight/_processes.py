# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which running processes still use an old library or program that is no longer on disk? Private to the collection.

What can be known: a mapped or open file that was replaced or deleted carries its name, and a deleted program can still be
read. Python modules leave no such trace once loaded; there only the order of events is known: the process began before the
package in its installation was put there. Node.js and PHP leave nothing to see. Command lines and environments, which
may hold secrets, are not returned; environments are not even read.
"""

from __future__ import annotations

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
_MOST_MAPS = 1 << 23
_MOST_OPEN = 4096
# clocks of the kernel and of the file system differ a little
_SLACK = 2.0


class Process(t.NamedTuple):
    """``argument`` is the name by which the program was called; ``began`` in seconds since 1970."""

    pid: int
    exe: str
    argument: str
    began: float
    used: t.List[str]  # paths mapped or open
    own_files: bool  # it sees the same files as we do


class Examined(t.NamedTuple):
    findings: t.List[Finding]
    processes: int


def check(files: Files, metadata: t.Sequence[str]) -> Examined:
    """*metadata* are the real paths of the metadata of Python packages."""
    findings: t.List[Finding] = []
    packages = [(package, _changed(package.path)) for package in _python.packages(files, metadata, _python.LIBRARIES)]
    good = [(package, when) for package, when in packages if when and not any(_python.check(files, [package.path]))]
    closed = looked_at = 0
    for pid in _pids(files):
        if files.clock.expired:
            files.cut = "the deadline has passed"
            break
        try:
            process = _look(files, pid)
        except PermissionError:
            closed += 1
            continue
        except (OSError, ValueError, IndexError):
            # it has ended meanwhile, or is a thread of the kernel
            continue
        looked_at += 1
        findings += _deleted(files, process)
        findings += _older(files, process, good)
    if closed:
        findings.append(finding("processes_not_examined", count=closed))
    return Examined(findings, looked_at)


def _pids(files: Files) -> t.List[int]:
    try:
        return sorted(int(name) for name in os.listdir(files.real("/proc")) if name.isdigit())
    except OSError:
        return []


def _look(files: Files, pid: int) -> Process:
    base = files.real("/proc/%d" % pid)
    exe = os.readlink(base + "/exe")
    maps = _read(base + "/maps", _MOST_MAPS)
    used = dict.fromkeys(line[line.index("/") :] for line in maps.splitlines() if "/" in line)
    with os.scandir(base + "/fd") as entries:
        for number, entry in enumerate(entries):
            if number >= _MOST_OPEN:
                break
            try:
                used[os.readlink(entry.path)] = None
            except OSError:
                continue
    # fields are counted from behind the name, which may hold anything
    ticks = int(_read(base + "/stat", 4096).rpartition(")")[2].split()[19])
    # the kernel's own boot time is in whole seconds
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    began = booted + ticks / os.sysconf("SC_CLK_TCK")
    argument = _read(base + "/cmdline", 4096).partition("\0")[0]
    same = os.readlink(base + "/ns/mnt") == os.readlink(files.real("/proc/self/ns/mnt"))
    return Process(pid, exe, argument, began, list(used), same)


def _deleted(files: Files, process: Process) -> t.Iterator[Finding]:
    """Old archives that are open though gone, and an old program that runs though gone."""
    for path in process.used:
        jar = path.endswith(_DELETED) and _java.named(path[: -len(_DELETED)])
        if jar and any(judge(_java.LIBRARY, jar, path)):
            yield _gone(files, process, path, jar)
    if process.exe.endswith(_DELETED):
        try:
            with open(files.real("/proc/%d/exe" % process.pid), "rb") as stream:
                built = _go.read_open(stream)
        except OSError:
            return
        for one in linked(built, process.exe) if built else []:
            yield _gone(files, process, process.exe, "%s %s" % (one["title"], one["evidence"].get("version")))


def _gone(files: Files, process: Process, path: str, what: str) -> Finding:
    shown = files.shown(files.root + path[: -len(_DELETED)])
    return finding("process_runs_deleted_file", "What it still uses: %s." % what, pid=process.pid, path=shown)


def _older(
    files: Files, process: Process, packages: t.Sequence[t.Tuple[_python.Package, float]]
) -> t.Iterator[Finding]:
    if not process.own_files or not _PYTHON.search(process.exe.replace(_DELETED, "")) or process.pid == os.getpid():
        return
    for package, changed in packages:
        site = os.path.dirname(os.path.dirname(package.path))
        if process.began + _SLACK < changed and _belongs(process, site):
            detail = "Whether it has loaded the package at all cannot be told."
            yield finding(
                "process_older_than_package",
                detail,
                pid=process.pid,
                path=files.shown(package.path),
                version=package.version,
            )


def _belongs(process: Process, site: str) -> bool:
    """Would this Python look into *site*?"""
    if any(path.startswith(site + "/") for path in process.used):
        return True
    for program in (process.argument, process.exe):
        prefix = os.path.dirname(os.path.dirname(program))
        inside = program.startswith("/") and site.startswith(prefix + "/") and site[len(prefix) :]
        if inside and re.match(r"/(?:local/)?lib(?:64)?/python", inside):
            return True
    return False


def _changed(path: str) -> t.Optional[float]:
    """When the file was put there; unlike its time of modification nobody can set this."""
    try:
        return os.stat(path).st_ctime
    except OSError:
        return None


def _read(path: str, limit: int) -> str:
    with open(path, "rb") as stream:
        return os.fsdecode(stream.read(limit))
