# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the checks on a host and collect their findings."""

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
from ._catalog import SEVERITIES
from ._files import Files
from ._findings import Finding, Waiver, apply_waivers, bounded, distinct, finding, verdict
from ._limits import Deadline, Note, read_mounts
from ._places import DIRECTORIES

# Fast checks first, so that a deadline cuts the search only.
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
# Of each check.
_MAX_NOTES = 50


class Request(t.NamedTuple):
    """Checks to run, and their settings; ``quiet_period`` and ``deadline`` in seconds."""

    checks: t.Sequence[str] = CHECKS
    script_directories: t.Sequence[str] = DIRECTORIES
    search_directories: t.Sequence[str] = _inventory.DIRECTORIES
    excluded_directories: t.Sequence[str] = ()
    quiet_period: float = 7 * 86400
    callers: t.Optional[t.Sequence[t.Any]] = None  # None: read the records of the host
    callers_since: t.Any = None
    state_dir: str = STATE_DIRECTORY
    log_dir: str = LOG_DIRECTORY
    waivers: t.Sequence[Waiver] = ()
    host: str = ""
    deadline: float = 30


class Report(t.NamedTuple):
    """Result of a preflight check.

    ``callers`` holds the recorded normal-mode callers; None if nothing was recorded or the check did not run.
    ``examined`` holds counters and the duration of each check.
    """

    findings: t.List[Finding]
    verdict: str
    complete: bool
    callers: t.Optional[t.List[t.Any]]
    examined: t.Dict[str, t.Dict[str, t.Any]]


class _Host:
    """A host, with the inventory of its software and the results so far. Each check is a method of the same name."""

    def __init__(self, request: Request, root: str, now: float) -> None:
        self.request, self.root, self.now = request, root, now
        self.deadline = Deadline(request.deadline)
        self.mounts = read_mounts()
        self.inventory = _inventory.Inventory([], [], [], [], [], [], [], [], [])
        self.findings: t.List[Finding] = []
        self.records: t.Optional[t.List[t.Any]] = None
        self.examined: t.Dict[str, t.Dict[str, t.Any]] = {}

    def run(self, name: str, check: t.Callable[[Files], t.Optional[t.Iterable[Finding]]]) -> None:
        """Run one check, and keep its findings, counters and duration."""
        files, start = Files(self.root, self.deadline, mounts=self.mounts), time.monotonic()
        found = list(check(files) or ())
        self.findings += found
        self.findings += _limits(name, files)
        counted = {"names": files.names, "directories": files.directories, "files": files.opened}
        self.examined.setdefault(name, {}).update(
            counted,
            findings=len(found),
            seconds=round(time.monotonic() - start, 3),
            complete=files.stopped is None and not files.cut,
        )

    def count(self, name: str, **numbers: int) -> None:
        """Add counters to a check."""
        self.examined.setdefault(name, {}).update(numbers)

    def search(self, files: Files) -> None:
        """Collect the files that several checks examine."""
        self.inventory = _inventory.collect(files, self.request.search_directories, self.request.excluded_directories)
        self.count(SEARCH, **{kind: len(paths) for kind, paths in self.inventory._asdict().items()})

    def platform(self, files: Files) -> t.Iterator[Finding]:
        """Yield a finding if the firmware does not identify an ECS instance."""
        platform = read_platform(files.real(DMI_DIRECTORY))
        if not platform.is_ecs:
            yield finding("not_ecs", platform.describe() + ".", product_name=platform.product_name)

    def callers(self, files: Files) -> t.Iterator[Finding]:
        """Yield findings about recorded callers."""
        request, since = self.request, self.request.callers_since
        if request.callers is None:
            recorded = _records.read(files.real(request.state_dir), files.real(request.log_dir))
            self.records, since = recorded.rows, recorded.since
            if recorded.problem:
                yield finding("not_examined", check="callers", path=request.state_dir, reason=recorded.problem)
            if recorded.incomplete and _callers.is_recent(recorded.uncertain, request.quiet_period, self.now):
                yield finding("callers_incomplete", reason=recorded.incomplete)
        else:
            self.records = list(request.callers)
        self.count("callers", records=len(self.records or ()))
        yield from _callers.check(self.records, since, request.quiet_period, self.now)

    def cloud_init(self, files: Files) -> t.Iterator[Finding]:
        """Yield findings about cloud-init."""
        return _cloud_init.check(files)

    def ack(self, files: Files) -> t.Iterator[Finding]:
        """Yield findings about Kubernetes and container stores."""
        return _ack.check(files)

    def scripts(self, files: Files) -> t.Iterator[Finding]:
        """Yield a finding for each normal-mode request in a script."""
        # Half of the time at most, so that the other checks run as well.
        files.deadline = Deadline(files.deadline.remaining() / 2)
        scripts = _scripts.scan(files, self.request.script_directories, self.request.excluded_directories)
        self.count("scripts", texts=scripts.examined, binaries=scripts.skipped)
        for read in scripts.reads:
            kind = "script_normal_mode" if read.certain else "script_unsure"
            yield finding(kind, path=read.path, line=read.line, reads=read.what)

    def python(self, files: Files) -> t.Iterator[Finding]:
        """Yield findings about Python packages."""
        return _python.check(files, self.inventory.python)

    def node(self, files: Files) -> t.Iterator[Finding]:
        """Yield findings about Node.js packages."""
        return _node.check(files, self.inventory.node)

    def php(self, files: Files) -> t.Iterator[Finding]:
        """Yield findings about PHP packages."""
        return _php.check(files, self.inventory.composer)

    def java(self, files: Files) -> t.Iterator[Finding]:
        """Yield findings about Java archives."""
        return _java.check(files, self.inventory.archives)

    def programs(self, files: Files) -> t.Iterator[Finding]:
        """Yield findings about Go programs and command line tools."""
        packed = [*self.inventory.archives, *self.inventory.packed]
        return _programs.check(files, self.inventory.programs, self.inventory.terraform, packed)

    def agents(self, files: Files) -> t.Iterator[Finding]:
        """Yield findings about agents."""
        return _agents.check(files, self.inventory.gems, self.inventory.collections)

    def processes(self, files: Files) -> t.Iterable[Finding]:
        """Return findings about running processes."""
        examined = _processes.check(files, self.inventory.python)
        self.count("processes", processes=examined.processes)
        return examined.findings


def run(request: Request, root: str = "/", now: t.Optional[float] = None) -> Report:
    """Run the checks of *request* on the host whose files are below *root*; nothing found there raises an exception.

    *now* is the time in seconds since 1970 for the quiet period and waivers, by default the current time.
    """
    host = _Host(request, root, time.time() if now is None else now)
    chosen = [name for name in CHECKS if name in request.checks]
    for name in chosen:
        if name in _SEARCHING and SEARCH not in host.examined:
            host.run(SEARCH, host.search)
        host.run(name, getattr(host, name))
    today = datetime.datetime.fromtimestamp(host.now, datetime.timezone.utc).date()
    findings = bounded(apply_waivers(distinct(host.findings), request.waivers, request.host, today))
    complete = all(examined["complete"] for examined in host.examined.values())
    return Report(_sorted(findings), verdict(findings), complete, host.records, host.examined)


def _limits(name: str, files: Files) -> t.Iterator[Finding]:
    """Yield findings about what the check could not examine."""
    if files.stopped:
        reached = ", ".join(files.not_reached[:20]) or None
        yield finding("search_incomplete", check=name, reason=files.stopped, not_reached=reached)
    notes: t.List[Note] = list(files.notes)
    for note in notes[:_MAX_NOTES]:
        yield finding("not_examined", check=name, path=note.path, reason=note.reason)
    if len(notes) > _MAX_NOTES:
        yield finding("not_examined", check=name, reason="%d more paths" % (len(notes) - _MAX_NOTES))


def _sorted(findings: t.Sequence[Finding]) -> t.List[Finding]:
    """Return findings that are not waived first, the most severe first."""
    return sorted(
        findings,
        key=lambda one: (bool(one["waived"]), SEVERITIES.index(one["severity"]), one["id"], str(one["evidence"])),
    )
