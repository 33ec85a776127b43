# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apply many changes concurrently, each with its own result, and read the options back until the changes are visible."""

import collections
import concurrent.futures
import threading
import time
import typing as t

from .._common._protocol import Protocol
from .._openapi._errors import ApiError
from ._instance import Instance
from ._plan import Change
from ._select import Reader, Selection, in_region

_FIRST_PAUSE = 0.5
_MAX_PAUSE = 5.0


class Writer(Reader, Protocol):
    """The part of the API that changes instances."""

    def modify_metadata_options(
        self,
        region: str,
        instance_id: str,
        http_endpoint: str,
        http_tokens: str,
        instance_metadata_tags: t.Optional[str] = None,
    ) -> str:
        """Set the metadata options of one instance and return the RequestId."""


class Outcome(t.NamedTuple):
    """The result of one change; ``error`` is None on success. ``sent`` is whether a request may have reached the API."""

    change: Change
    changed: bool
    error: t.Optional[str] = None
    sent: bool = False


class Progress(t.NamedTuple):
    """The number of finished changes and of those that failed, the number of all changes, and the current stage."""

    stage: str
    done: int
    failed: int
    total: int


Report = t.Callable[[Progress], None]
SENDING, WAITING = "sending", "waiting"


def apply(
    api: Writer,
    changes: t.Sequence[Change],
    max_concurrency: int,
    wait_timeout: t.Optional[float],
    report: Report = lambda progress: None,
) -> t.List[Outcome]:
    """Apply *changes* and return their outcomes in the same order. One API call for each change that is needed.

    A failed change does not stop the others, except that none is sent after a missing permission if no change succeeded before.
    With *wait_timeout* (seconds), the options are read back until all changes are visible: one API call for each 100 changed
    instances of a region, repeated for the instances whose change is not visible yet. *report* is called after each change and each
    reading, by several threads.
    """
    outcomes = [Outcome(change, False, change.refusal) for change in changes]
    _send_all(_Sender(api), outcomes, max_concurrency, report)
    if wait_timeout is None:
        return outcomes
    sent = [it.change for it in outcomes if it.changed]
    late = _wait_until_visible(api, sent, max_concurrency, wait_timeout, report)
    return [
        it._replace(error=late[it.change.instance.instance_id]) if it.change.instance.instance_id in late else it
        for it in outcomes
    ]


def _send_all(sender: "_Sender", outcomes: t.List[Outcome], max_concurrency: int, report: Report) -> None:
    """Send the changes that are needed and replace their elements of *outcomes*."""
    needed = [(it.change.instance.region_id, index) for index, it in enumerate(outcomes) if it.change.after]
    queue = _FairQueue(needed)
    counts = {"done": 0, "failed": 0}
    lock = threading.Lock()

    def count(failed: bool) -> None:
        with lock:
            counts["done"] += 1
            counts["failed"] += failed
            now = Progress(SENDING, counts["done"], counts["failed"], len(needed))
        report(now)

    def work() -> None:
        ticket = queue.next()
        while ticket is not None:
            region, index = ticket
            outcomes[index] = sender.send(outcomes[index].change)
            count(outcomes[index].error is not None)
            ticket = queue.next(done=region)

    with concurrent.futures.ThreadPoolExecutor(max_workers=max_concurrency) as pool:
        try:
            workers = [pool.submit(work) for _number in range(max_concurrency)]
            for worker in concurrent.futures.as_completed(workers):
                worker.result()
        finally:
            queue.close()  # after an interruption, send no further changes


class _FairQueue:
    """A queue of changes for many threads. The next change is one of the region with the fewest calls in flight.

    The API limits each region separately. So all regions are used, and a region that throttles does not occupy all threads.
    """

    def __init__(self, tickets: t.Iterable[t.Tuple[str, int]]) -> None:
        self._lock = threading.Lock()
        self._waiting: t.Dict[str, t.Deque[int]] = {}
        for region, index in tickets:
            self._waiting.setdefault(region, collections.deque()).append(index)
        self._in_flight = dict.fromkeys(self._waiting, 0)

    def next(self, done: t.Optional[str] = None) -> t.Optional[t.Tuple[str, int]]:
        """Return the next region and index, or None if the queue is empty; *done* is the region of the finished change."""
        with self._lock:
            if done is not None:
                self._in_flight[done] -= 1
            if not self._waiting:
                return None
            region = min(self._waiting, key=lambda it: (self._in_flight[it], -len(self._waiting[it])))
            index = self._waiting[region].popleft()
            if not self._waiting[region]:
                del self._waiting[region]
            self._in_flight[region] += 1
            return region, index

    def close(self) -> None:
        """Remove all changes."""
        with self._lock:
            self._waiting.clear()


class _Sender:
    def __init__(self, api: Writer) -> None:
        self._api = api
        self._forbidden: t.Optional[str] = None
        self._succeeded = threading.Event()

    def send(self, change: Change) -> Outcome:
        instance, after = change.instance, change.after
        if after is None or after.http_endpoint is None or after.http_tokens is None:
            return Outcome(change, False, change.refusal)
        if self._forbidden is not None:
            return Outcome(change, False, "Not sent, because another change was refused: " + self._forbidden)
        try:
            # Send all options that are known: the API may reset those that are omitted.
            self._api.modify_metadata_options(
                instance.region_id,
                instance.instance_id,
                after.http_endpoint,
                after.http_tokens,
                after.instance_metadata_tags,
            )
        except ApiError as exc:
            if exc.kind == "forbidden" and not self._succeeded.is_set():
                self._forbidden = str(exc)
            return Outcome(change, False, str(exc), sent=exc.sent)
        self._succeeded.set()
        return Outcome(change, True, sent=True)


def _wait_until_visible(
    api: Writer, sent: t.Sequence[Change], workers: int, wait_timeout: float, report: Report
) -> t.Dict[str, str]:
    """Return an error for the ID of each instance whose change is not visible after *wait_timeout* seconds or cannot be read."""
    waiting = {change.instance.instance_id: change for change in sent}
    ends_at = time.monotonic() + wait_timeout
    pause = _FIRST_PAUSE
    failures: t.Dict[str, ApiError] = {}
    while waiting:
        found, failures = _reread(api, waiting.values(), workers)
        for instance in found:
            if _is_visible(waiting[instance.instance_id], instance):
                del waiting[instance.instance_id]
        report(Progress(WAITING, len(sent) - len(waiting), 0, len(sent)))
        regions = {change.instance.region_id for change in waiting.values()}
        # After the deadline of the task no request is sent anymore.
        useless = all(region in failures and failures[region].after_deadline for region in regions)
        if not waiting or useless or time.monotonic() + pause > ends_at:
            break
        time.sleep(pause)
        pause = min(_MAX_PAUSE, pause * 2)
    return {name: _late(failures.get(change.instance.region_id), wait_timeout) for name, change in waiting.items()}


def _late(failure: t.Optional[ApiError], wait_timeout: float) -> str:
    """Return why it is unknown whether a change is visible: it was never read, because of *failure*, or is not visible."""
    if failure is not None:
        return "The API accepted the change, but it could not be verified: %s" % failure
    return "The API accepted the change but does not show it after %g s; raise 'wait_timeout'." % wait_timeout


def _is_visible(change: Change, now: Instance) -> bool:
    after, present = change.after, now.options
    if after is None or present is None:
        return False
    return all(wanted is None or wanted == found for wanted, found in zip(after, present))


def _reread(api: Writer, changes: t.Iterable[Change], workers: int) -> t.Tuple[t.List[Instance], t.Dict[str, ApiError]]:
    """Return the changed instances as the API shows them, and the error of each region that could not be read."""
    by_region: t.Dict[str, t.List[str]] = {}
    for change in changes:
        by_region.setdefault(change.instance.region_id, []).append(change.instance.instance_id)
    failures: t.Dict[str, ApiError] = {}

    def read(region: str) -> t.List[Instance]:
        try:
            # The API returns the options that were set. An empty value means that the change is not visible yet.
            return in_region(api, Selection([region], instance_ids=by_region[region]), region)
        except ApiError as exc:
            failures[region] = exc
            return []  # retried in the next round

    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, min(workers, len(by_region)))) as pool:
        return [instance for some in pool.map(read, by_region) for instance in some], failures
