# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a tree of metadata directory by directory, over a few connections at once. This module util is private to the collection."""

from __future__ import annotations

import collections
import threading
import typing as t

from . import _errors
from ._client import Client
from ._tree import Entry, Tree, decode, insert, is_secret, parse_listing, quote

Job = t.TypeVar("Job")
_Place = t.Tuple[t.Tuple[str, ...], bool]  # names below the base, and whether they lead to a directory

# Far beyond what an instance has, near enough to stop a service that has gone mad or is hostile.
MOST_PATHS = 8000
MOST_BYTES = 16 * 1024 * 1024
DEEPEST = 12


def work_off(jobs: t.Iterable[Job], work: t.Callable[[Job], t.Iterable[Job]], workers: int) -> None:
    """Do all *jobs* in up to *workers* threads; each job may return further jobs, which go first.

    The first exception stops everything and is raised here. Threads are started only when there is work for them.
    """
    WorkerPool(jobs, work, workers).run()


class WorkerPool(t.Generic[Job]):
    """Threads that take jobs from one stack; the calling thread is the first of them.

    Not concurrent.futures: importing it alone would take a tenth of the time that the command needs to start.
    """

    def __init__(self, jobs: t.Iterable[Job], work: t.Callable[[Job], t.Iterable[Job]], workers: int) -> None:
        self._pending = collections.deque(jobs)
        self._work = work
        self._limit = workers
        self._changed = threading.Condition()
        self._busy = 0
        self._threads: t.List[threading.Thread] = []
        self._failure: t.Optional[BaseException] = None

    def run(self) -> None:
        self._worker()
        interrupted = self._failure is not None and not isinstance(self._failure, Exception)
        for thread in self._threads if not interrupted else ():
            thread.join()
        if self._failure is not None:
            raise self._failure

    def _worker(self) -> None:
        while True:
            with self._changed:
                while not self._pending and self._busy and self._failure is None:
                    self._changed.wait()
                if self._failure is not None or not self._pending:
                    self._changed.notify_all()
                    return
                job = self._pending.popleft()
                self._busy += 1
                self._maybe_start_thread()
            self._do(job)

    def _do(self, job: Job) -> None:
        more: t.List[Job] = []
        failure: t.Optional[BaseException] = None
        try:
            more = list(self._work(job))
        except BaseException as exc:  # pylint: disable=broad-exception-caught  # raised again by run()
            failure = exc
        with self._changed:
            self._busy -= 1
            self._pending.extendleft(reversed(more))
            self._failure = self._failure or failure
            self._changed.notify_all()

    def _maybe_start_thread(self) -> None:
        idle = 1 + len(self._threads) - self._busy
        if self._pending and not idle and len(self._threads) + 1 < self._limit:
            thread = threading.Thread(target=self._worker, daemon=True)
            self._threads.append(thread)
            thread.start()


class Walk:
    """One walk below a directory; ``tree`` is what was found, ``refused`` the names that were not followed."""

    def __init__(self, client: Client, base: str) -> None:
        self.tree: Tree = {}
        self.refused: t.List[str] = []
        self._client = client
        self._base = base
        self._lock = threading.Lock()
        self._paths = 0
        self._bytes = 0

    def run(self, entries: t.Iterable[Entry]) -> None:
        """Read all that is below *entries* of the base directory, leaves that hold secrets left out (their value is "")."""
        places: t.List[_Place] = [((entry.name,), entry.is_directory) for entry in entries]
        work_off(places, self._visit, self._client.settings.connections)

    def _visit(self, place: _Place) -> t.Iterable[_Place]:
        names, is_directory = place
        target = self._base + "/".join(map(quote, names)) + ("/" if is_directory else "")
        if not is_directory and is_secret(target):
            self._keep(names, "")
            return ()
        try:
            body = self._client.get(target)
        except _errors.NotFound:
            return ()  # listed, but without a value; or gone since
        self._count(target, len(body))
        if not is_directory:
            self._keep(names, decode(body))
            return ()
        if len(names) >= DEEPEST:
            raise self._beyond(target, "the tree is more than %d levels deep" % DEEPEST)
        entries, refused = parse_listing(body)
        self._keep(names, {})
        self._plan(target, len(entries), refused)
        entries.sort(key=lambda entry: not entry.is_directory)  # what is deepest takes longest: begin there
        return [(names + (entry.name,), entry.is_directory) for entry in entries]

    def _keep(self, names: t.Tuple[str, ...], value: t.Any) -> None:
        with self._lock:
            insert(self.tree, names, value)

    def _plan(self, target: str, paths: int, refused: t.List[str]) -> None:
        with self._lock:
            self.refused += [target + name for name in refused]
            self._paths += paths
            if self._paths > MOST_PATHS:
                raise self._beyond(target, "the tree has more than %d paths" % MOST_PATHS)

    def _count(self, target: str, size: int) -> None:
        with self._lock:
            self._bytes += size
            if self._bytes > MOST_BYTES:
                raise self._beyond(target, "the tree has more than %d bytes" % MOST_BYTES)

    def _beyond(self, target: str, what: str) -> _errors.UnexpectedReply:
        hint = "No instance has so much metadata; read chosen paths, or leave subsets out, if this one really does."
        return _errors.unexpected("GET " + target, self._client.settings.endpoint, what, hint)
