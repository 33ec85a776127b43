# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a tree of metadata directory by directory, over several connections."""

import collections
import threading
import typing as t

from . import _errors
from ._client import Client
from ._tree import Entry, Tree, decode, insert, is_secret, parse_listing, quote, without_newline

Job = t.TypeVar("Job")
_Place = t.Tuple[t.Tuple[str, ...], bool]  # the path relative to the base, and whether it is a directory

# Far more than an instance has; these limits stop a faulty or hostile service.
PATH_LIMIT = 8000
BYTE_LIMIT = 16 * 1024 * 1024
DEPTH_LIMIT = 12


def run_jobs(jobs: t.Iterable[Job], work: t.Callable[[Job], t.Iterable[Job]], workers: int) -> None:
    """Call *work* for each of *jobs* in up to *workers* threads; the jobs that a call returns are run next.

    Raises: the first exception of *work*, which stops all threads.
    """
    WorkerPool(jobs, work, workers).run()


class WorkerPool(t.Generic[Job]):
    """Threads that take jobs from one stack. The calling thread is the first; others are started when needed.

    concurrent.futures is not used, because importing it would take a tenth of the start-up time of the command.
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
        """Run all jobs; raise the first exception."""
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
            self._run_job(job)

    def _run_job(self, job: Job) -> None:
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
    """One walk below a directory; ``tree`` is the result, ``refused`` has the unsafe names that were not followed."""

    def __init__(self, client: Client, base: str) -> None:
        self.tree: Tree = {}
        self.refused: t.List[str] = []
        self._client = client
        self._base = base
        self._lock = threading.Lock()
        self._paths = 0
        self._bytes = 0

    def run(self, entries: t.Iterable[Entry]) -> None:
        """Read everything below *entries* of the base directory; secrets are not read, and their value is ""."""
        places: t.List[_Place] = [((entry.name,), entry.is_directory) for entry in entries]
        run_jobs(places, self._visit, self._client.settings.connections)

    def _visit(self, place: _Place) -> t.Iterable[_Place]:
        names, is_directory = place
        target = self._base + "/".join(map(quote, names)) + ("/" if is_directory else "")
        if not is_directory and is_secret(target):
            self._keep(names, "")
            return ()
        try:
            body = self._client.get(target)
        except _errors.NotFound:
            return ()  # it has no value, or was removed since it was listed
        self._count(target, len(body))
        if not is_directory:
            self._keep(names, without_newline(decode(body)))
            return ()
        if len(names) >= DEPTH_LIMIT:
            raise self._over_limit(target, "the tree is more than %d levels deep" % DEPTH_LIMIT)
        entries, refused = parse_listing(body)
        self._keep(names, {})
        self._plan(target, len(entries), refused)
        entries.sort(key=lambda entry: not entry.is_directory)  # directories take longest, so they come first
        return [(names + (entry.name,), entry.is_directory) for entry in entries]

    def _keep(self, names: t.Tuple[str, ...], value: t.Any) -> None:
        with self._lock:
            insert(self.tree, names, value)

    def _plan(self, target: str, paths: int, refused: t.List[str]) -> None:
        with self._lock:
            self.refused += [target + name for name in refused]
            self._paths += paths
            if self._paths > PATH_LIMIT:
                raise self._over_limit(target, "the tree has more than %d paths" % PATH_LIMIT)

    def _count(self, target: str, size: int) -> None:
        with self._lock:
            self._bytes += size
            if self._bytes > BYTE_LIMIT:
                raise self._over_limit(target, "the tree has more than %d bytes" % BYTE_LIMIT)

    def _over_limit(self, target: str, what: str) -> _errors.UnexpectedReply:
        hint = "An instance does not have that much metadata; check 'endpoint', or read fewer paths or subsets."
        return _errors.unexpected("GET " + target, self._client.endpoint, what, hint)
