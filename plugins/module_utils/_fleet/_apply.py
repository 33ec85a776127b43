# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make many changes at once, carefully: in parallel within a bound, each failure by itself, and read back until they show.

Private to the collection.
"""

from __future__ import annotations

import collections
import concurrent.futures
import threading
import time
import typing as t

from .._openapi._errors import ApiError
from ._instance import Instance
from ._plan import Change
from ._select import Reader, Selection, find

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 5.0


class Writer(Reader, t.Protocol):
    """What is needed of the API to change instances."""

    def modify_metadata_options(
        self,
        region: str,
        instance_id: str,
        http_endpoint: str,
        http_tokens: str,
        instance_metadata_tags: t.Optional[str] = None,
    ) -> str: ...


class Outcome(t.NamedTuple):
    """What became of one change; ``error`` is None where all went well."""

    change: Change
    changed: bool
    error: t.Optional[str] = None


def apply(
    api: Writer, changes: t.Sequence[Change], max_concurrency: int, wait_timeout: t.Optional[float]
) -> t.List[Outcome]:
    """Send what *changes* need, and return their outcomes in the same order.

    One that fails does not stop the others; only where permission is missing from the start, the rest is not tried.
    With *wait_timeout* (seconds), the options are read back until all changes show.
    """
    outcomes = [Outcome(change, False, change.refusal) for change in changes]
    _send_all(_Sender(api), outcomes, max_concurrency)
    if wait_timeout is None:
        return outcomes
    late = _not_shown(api, [it.change for it in outcomes if it.changed], max_concurrency, wait_timeout)
    text = "The API accepted the change, but it did not show within %g s; raise 'wait_timeout'." % wait_timeout
    return [it._replace(error=text) if it.change.instance.instance_id in late else it for it in outcomes]


def _send_all(sender: _Sender, outcomes: t.List[Outcome], max_concurrency: int) -> None:
    """Send what is needed, and put what became of it in the place of each outcome."""
    queue = _FairQueue((it.change.instance.region_id, place) for place, it in enumerate(outcomes) if it.change.after)

    def work() -> None:
        ticket = queue.next()
        while ticket is not None:
            region, place = ticket
            outcomes[place] = sender.send(outcomes[place].change)
            ticket = queue.next(done=region)

    with concurrent.futures.ThreadPoolExecutor(max_workers=max_concurrency) as pool:
        try:
            workers = [pool.submit(work) for _number in range(max_concurrency)]
            for worker in concurrent.futures.as_completed(workers):
                worker.result()
        finally:
            queue.close()  # interrupted: what is not sent yet stays unsent


class _FairQueue:
    """The changes to send, for many threads. The region with the fewest calls under way comes next.

    Each region has a limit of its own: so all of them are used, and one that throttles does not occupy all threads.
    """

    def __init__(self, tickets: t.Iterable[t.Tuple[str, int]]) -> None:
        self._lock = threading.Lock()
        self._waiting: t.Dict[str, t.Deque[int]] = {}
        for region, place in tickets:
            self._waiting.setdefault(region, collections.deque()).append(place)
        self._under_way = dict.fromkeys(self._waiting, 0)

    def next(self, done: t.Optional[str] = None) -> t.Optional[t.Tuple[str, int]]:
        """The next region and place, None where nothing waits; *done* is the region of the last one."""
        with self._lock:
            if done is not None:
                self._under_way[done] -= 1
            if not self._waiting:
                return None
            region = min(self._waiting, key=lambda it: (self._under_way[it], -len(self._waiting[it])))
            place = self._waiting[region].popleft()
            if not self._waiting[region]:
                del self._waiting[region]
            self._under_way[region] += 1
            return region, place

    def close(self) -> None:
        """Hand out nothing more."""
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
            return Outcome(change, False, "Not tried, since another one was refused: " + self._forbidden)
        try:
            # all that is known is sent: the API may reset what is left out
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
            return Outcome(change, False, str(exc))
        self._succeeded.set()
        return Outcome(change, True)


def _not_shown(api: Writer, sent: t.Sequence[Change], workers: int, wait_timeout: float) -> t.Set[str]:
    """IDs of instances whose change does not show after *wait_timeout* seconds."""
    waiting = {change.instance.instance_id: change for change in sent}
    ends_at = time.monotonic() + wait_timeout
    pause = _FIRST_PAUSE
    while waiting:
        for instance in _read_again(api, waiting.values(), workers):
            if _shows(waiting[instance.instance_id], instance):
                del waiting[instance.instance_id]
        if not waiting or time.monotonic() + pause > ends_at:
            break
        time.sleep(pause)
        pause = min(_LONGEST_PAUSE, pause * 2)
    return set(waiting)


def _shows(change: Change, now: Instance) -> bool:
    after, seen = change.after, now.options
    if after is None or seen is None:
        return False
    return all(wished is None or wished == there for wished, there in zip(after, seen))


def _read_again(api: Writer, changes: t.Iterable[Change], workers: int) -> t.List[Instance]:
    by_region: t.Dict[str, t.List[str]] = {}
    for change in changes:
        by_region.setdefault(change.instance.region_id, []).append(change.instance.instance_id)

    def read(region: str) -> t.List[Instance]:
        try:
            # what was set is returned set: an empty value now means that it does not show yet
            return find(api, Selection([region], instance_ids=by_region[region]), 1)
        except (ApiError, ValueError):
            return []  # a later round may read it

    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, min(workers, len(by_region)))) as pool:
        return [instance for some in pool.map(read, by_region) for instance in some]
