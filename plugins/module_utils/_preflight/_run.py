# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What does one preflight of this host find, and what did it look at? Private to the collection."""

from __future__ import annotations

import datetime
import time
import typing as t

from .._callers._vocabulary import LOG_DIRECTORY, STATE_DIRECTORY
from .._imds._dmi import DMI_DIRECTORY, read_platform
from . import (
    _ack,
    _agents,
    _callers,
    _cloud_init,
    _inventory,
    _java,
    _node,
    _php,
    _processes,
    _programs,
    _python,
    _records,
    _scripts,
)
from ._files import Clock, Files, Note, read_mounts
from ._findings import Finding, Waiver, apply_waivers, bounded, finding, verdict

# The cheap ones first, so that a deadline costs the search and not everything.
CHECKS = (
    "platform",
    "callers",
    "cloud_init",
    "ack",
    "scripts",
    "python",
    "node",
    "php",
    "java",
    "programs",
    "agents",
    "processes",
)
_SEARCHING = frozenset(["python", "node", "php", "java", "programs", "agents", "processes"])
SEARCH = "search"
# Of one check; each stands for something that was not seen.
_MOST_NOTES = 50


class Request(t.NamedTuple):
    """What is asked for."""

    checks: t.Sequence[str] = CHECKS
    script_directories: t.Sequence[str] = _scripts.DIRECTORIES
    search_directories: t.Sequence[str] = _inventory.DIRECTORIES
    quiet_period: float = 7 * 86400
    callers: t.Optional[t.Sequence[t.Any]] = None  # None: read the records of the host
    callers_since: t.Any = None
    state_dir: str = STATE_DIRECTORY
    log_dir: str = LOG_DIRECTORY
    waivers: t.Sequence[Waiver] = ()
    host: str = ""
    deadline: float = 30


class Report(t.NamedTuple):
    """``callers``: what was recorded of requests without a token; None where nothing was recorded, or nobody asked.

    ``examined``: for each check how much was looked at, and how long it took.
    """

    findings: t.List[Finding]
    verdict: str
    complete: bool
    callers: t.Optional[t.List[t.Any]]
    examined: t.Dict[str, t.Dict[str, t.Any]]


class _Host:
    """The files of the host, the inventory taken once, and what each check looked at."""

    def __init__(self, request: Request, root: str, now: float) -> None:
        self.request, self.root, self.now = request, root, now
        self.clock = Clock(request.deadline)
        self.mounts = read_mounts()
        self.inventory = _inventory.Inventory([], [], [], [], [], [], [], [])
        self.findings: t.List[Finding] = []
        self.records: t.Optional[t.List[t.Any]] = None
        self.examined: t.Dict[str, t.Dict[str, t.Any]] = {}

    def run(self, name: str, check: t.Callable[[Files], t.Optional[t.Iterable[Finding]]]) -> None:
        files, began = Files(self.root, self.clock, mounts=self.mounts), time.monotonic()
        found = list(check(files) or ())
        self.findings += found
        self.findings += _limits(name, files)
        counted = {"names": files.names, "directories": files.directories, "files": files.opened}
        self.examined.setdefault(name, {}).update(
            counted, findings=len(found), seconds=round(time.monotonic() - began, 3), complete=files.cut is None
        )

    def count(self, name: str, **numbers: int) -> None:
        self.examined.setdefault(name, {}).update(numbers)

    # the checks

    def search(self, files: Files) -> None:
        self.inventory = _inventory.take(files, self.request.search_directories)
        self.count(SEARCH, **{kind: len(paths) for kind, paths in self.inventory._asdict().items()})

    def platform(self, files: Files) -> t.Iterator[Finding]:
        platform = read_platform(files.real(DMI_DIRECTORY))
        if not platform.is_ecs:
            yield finding("not_ecs", platform.describe() + ".", product_name=platform.product_name)

    def callers(self, files: Files) -> t.Iterator[Finding]:
        request, since = self.request, self.request.callers_since
        if request.callers is None:
            recorded = _records.read(files.real(request.state_dir), files.real(request.log_dir))
            self.records, since = recorded.rows, recorded.since
            if recorded.problem:
                yield finding("not_examined", check="callers", path=request.state_dir, reason=recorded.problem)
        else:
            self.records = list(request.callers)
        self.count("callers", records=len(self.records or ()))
        yield from _callers.check(self.records, since, request.quiet_period, self.now)

    def cloud_init(self, files: Files) -> t.Iterator[Finding]:
        return _cloud_init.check(files)

    def ack(self, files: Files) -> t.Iterator[Finding]:
        return _ack.check(files)

    def scripts(self, files: Files) -> t.Iterator[Finding]:
        scripts = _scripts.scan(files, self.request.script_directories)
        self.count("scripts", texts=scripts.examined, binaries=scripts.skipped)
        for read in scripts.reads:
            yield finding("script_reads_plain", path=read.path, line=read.line, reads=read.what)

    def python(self, files: Files) -> t.Iterator[Finding]:
        return _python.check(files, self.inventory.python)

    def node(self, files: Files) -> t.Iterator[Finding]:
        return _node.check(files, self.inventory.node)

    def php(self, files: Files) -> t.Iterator[Finding]:
        return _php.check(files, self.inventory.composer)

    def java(self, files: Files) -> t.Iterator[Finding]:
        return _java.check(files, self.inventory.archives)

    def programs(self, files: Files) -> t.Iterator[Finding]:
        return _programs.check(files, self.inventory.programs, self.inventory.terraform)

    def agents(self, files: Files) -> t.Iterator[Finding]:
        return _agents.check(files, self.inventory.gems, self.inventory.collections)

    def processes(self, files: Files) -> t.Iterable[Finding]:
        examined = _processes.check(files, self.inventory.python)
        self.count("processes", processes=examined.processes)
        return examined.findings


def run(request: Request, root: str = "/", now: t.Optional[float] = None) -> Report:
    """Look at the host whose files are below *root*; raises nothing for what it finds there."""
    host = _Host(request, root, time.time() if now is None else now)
    chosen = [name for name in CHECKS if name in request.checks]
    for name in chosen:
        if name in _SEARCHING and SEARCH not in host.examined:
            host.run(SEARCH, host.search)
        host.run(name, getattr(host, name))
    today = datetime.datetime.fromtimestamp(host.now, datetime.timezone.utc).date()
    findings = apply_waivers(bounded(host.findings), request.waivers, request.host, today)
    complete = all(examined["complete"] for examined in host.examined.values())
    return Report(_sorted(findings), verdict(findings), complete, host.records, host.examined)


def _limits(name: str, files: Files) -> t.Iterator[Finding]:
    """What the check could not look at, as findings."""
    if files.cut:
        yield finding("search_cut_short", check=name, reason=files.cut)
    notes: t.List[Note] = list(files.notes)
    for note in notes[:_MOST_NOTES]:
        yield finding("not_examined", check=name, path=note.path, reason=note.reason)
    if len(notes) > _MOST_NOTES:
        yield finding("not_examined", check=name, reason="%d more paths" % (len(notes) - _MOST_NOTES))


def _sorted(findings: t.Sequence[Finding]) -> t.List[Finding]:
    """What needs work first: not waived, by severity."""
    order = {"block": 0, "warn": 1, "info": 2}
    return sorted(
        findings, key=lambda one: (bool(one["waived"]), order[one["severity"]], one["id"], str(one["evidence"]))
    )
