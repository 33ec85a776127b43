# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apply many changes concurrently, each with its own result, and read the options back until the changes are visible."""

import concurrent.futures
import threading
import time
import typing as t

from .._common._protocol import Protocol
from .._openapi._errors import ApiError
from ._accounts import Place
from ._change_log import ChangeLog, Item, logged
from ._fair_queue import FairQueue
from ._instance import Instance
from ._plan import Change
from ._record_file import RecordError
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

    def refusal(self, region: str, instance_id: str) -> t.Optional[str]:
        """Return why the RAM policies refuse to change the options of an instance, or None if they do not, or if this is unknown."""


Apis = t.Mapping[t.Optional[str], Writer]


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
    apis: Apis,
    changes: t.Sequence[Change],
    max_concurrency: int,
    wait_timeout: t.Optional[float],
    report: Report = lambda progress: None,
    log: t.Optional[ChangeLog] = None,
) -> t.List[Outcome]:
    """Apply *changes* and return their outcomes in the same order. One API call for each change that is needed.

    A failed change does not stop the others, except that none is sent after a missing permission if no change succeeded before.
    With *wait_timeout* (seconds), the options are read back until all changes are visible: one API call for each 100 changed
    instances of a region, repeated for the instances whose change is not visible yet. *report* is called after each change and each
    reading, by several threads. *log* gets a line before each request, and one with its outcome.
    """
    outcomes = [Outcome(change, False, change.refusal) for change in changes]
    _send_all({role: _Sender(api, log) for role, api in apis.items()}, outcomes, max_concurrency, report)
    if wait_timeout is None:
        return outcomes
    sent = [it.change for it in outcomes if it.changed]
    late = _wait_until_visible(apis, sent, max_concurrency, wait_timeout, report)
    return [
        it._replace(error=late[it.change.instance.instance_id]) if it.change.instance.instance_id in late else it
        for it in outcomes
    ]


def _send_all(
    senders: t.Mapping[t.Optional[str], "_Sender"], outcomes: t.List[Outcome], max_concurrency: int, report: Report
) -> None:
    """Send the changes that are needed and replace their elements of *outcomes*. *senders* has one for each account."""
    needed = [(place_of(it.change), index) for index, it in enumerate(outcomes) if it.change.after]
    queue = FairQueue(needed)
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
            place, index = ticket
            outcomes[index] = senders[place.role_arn].send(outcomes[index].change)
            count(outcomes[index].error is not None)
            ticket = queue.next(done=place)

    with concurrent.futures.ThreadPoolExecutor(max_workers=max_concurrency) as pool:
        try:
            workers = [pool.submit(work) for _number in range(max_concurrency)]
            for worker in concurrent.futures.as_completed(workers):
                worker.result()
        finally:
            queue.close()  # after an interruption, send no further changes


class _Sender:
    """Send the changes of one account."""

    def __init__(self, api: Writer, log: t.Optional[ChangeLog]) -> None:
        self._api = api
        self._log = log
        self._forbidden: t.Optional[str] = None
        self._succeeded = threading.Event()

    def send(self, change: Change) -> Outcome:
        instance, after = change.instance, change.after
        if after is None or after.http_endpoint is None or after.http_tokens is None:
            return Outcome(change, False, change.refusal)
        if self._forbidden is not None:
            return Outcome(change, False, "Not sent, because another change was refused: " + self._forbidden)
        before = instance.options.as_dict() if instance.options is not None else None
        item = Item("instance", instance.instance_id, instance.region_id, instance.role_arn, before, after.as_dict())
        try:
            # Send all options that are known: the API may reset those that are omitted.
            logged(
                self._log,
                item,
                lambda: self._api.modify_metadata_options(
                    instance.region_id,
                    instance.instance_id,
                    str(after.http_endpoint),
                    str(after.http_tokens),
                    after.instance_metadata_tags,
                ),
            )
        except ApiError as exc:
            if exc.kind == "forbidden" and not self._succeeded.is_set():
                self._forbidden = str(exc)
            return Outcome(change, False, str(exc), sent=exc.sent)
        except RecordError as exc:
            return Outcome(change, False, "%s Not sent." % exc)
        self._succeeded.set()
        return Outcome(change, True, sent=True)


def _wait_until_visible(
    apis: Apis, sent: t.Sequence[Change], workers: int, wait_timeout: float, report: Report
) -> t.Dict[str, str]:
    """Return an error for the ID of each instance whose change is not visible after *wait_timeout* seconds or cannot be read."""
    waiting = {change.instance.instance_id: change for change in sent}
    ends_at = time.monotonic() + wait_timeout
    pause = _FIRST_PAUSE
    failures: t.Dict[Place, ApiError] = {}
    while waiting:
        found, failures = _reread(apis, waiting.values(), workers)
        for instance in found:
            change = waiting.get(instance.instance_id)
            if change is not None and _is_visible(change, instance):
                del waiting[instance.instance_id]
        report(Progress(WAITING, len(sent) - len(waiting), 0, len(sent)))
        places = {place_of(change) for change in waiting.values()}
        # After the deadline of the task no request is sent anymore.
        useless = all(place in failures and failures[place].after_deadline for place in places)
        if not waiting or useless or time.monotonic() + pause > ends_at:
            break
        time.sleep(pause)
        pause = min(_MAX_PAUSE, pause * 2)
    return {name: _late(failures.get(place_of(change)), wait_timeout) for name, change in waiting.items()}


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


def place_of(change: Change) -> Place:
    """Return the account and the region of the instance."""
    return Place(change.instance.role_arn, change.instance.region_id)


def _reread(
    apis: Apis, changes: t.Iterable[Change], workers: int
) -> t.Tuple[t.List[Instance], t.Dict[Place, ApiError]]:
    """Return the changed instances as the API shows them, and the error of each place that could not be read."""
    by_place: t.Dict[Place, t.List[str]] = {}
    for change in changes:
        by_place.setdefault(place_of(change), []).append(change.instance.instance_id)
    failures: t.Dict[Place, ApiError] = {}

    def read(place: Place) -> t.List[Instance]:
        region, ids = str(place.region_id), by_place[place]
        try:
            # The API returns the options that were set. An empty value means that the change is not visible yet.
            return in_region(apis[place.role_arn], Selection([region], instance_ids=ids), region)
        except ApiError as exc:
            failures[place] = exc
            return []  # retried in the next round

    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, min(workers, len(by_place)))) as pool:
        return [instance for some in pool.map(read, by_place) for instance in some], failures
