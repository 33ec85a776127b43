# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Main loop of the callers watch: capture packets, attribute them, update the records, and save them periodically.

The watch only receives copies of packets. Whatever happens to it, no request is delayed or changed.
"""

import math
import os
import select
import time
import typing as t

from .._callers._vocabulary import FULL, PARTIAL
from .._common._probe_log import Excuses
from .._common._protocol import Protocol
from . import _periods
from ._attribution import Attributor, Peer
from ._noise import Noise
from ._priority import Priority
from ._records import Records
from ._store import Store
from ._tcp import Flow, Flows, Segment

WRITE_SECONDS = 5.0  # between writes while there are changes
HEARTBEAT_SECONDS = 60.0  # between writes without changes
REST_SECONDS = 0.05  # for which packets are left to queue
MAXIMUM_PROBLEMS = 10
_SWEEP_SECONDS = 1.0
_LAST_SECONDS = 10.0  # for the packets that are queued when the watch is stopped
_CLOCK_SECONDS = 5  # by which the clock must be set back to be reported

Requests = t.List[t.Tuple[Flow, t.List[t.Any]]]


class Source(Protocol):
    """A source of segments, such as `_capture.Capture`."""

    def fileno(self) -> int:
        """Return the descriptor that is readable when there are segments."""

    def segment(self) -> t.Optional[Segment]:
        """Return the next segment, or None if no packet is queued."""

    def count_dropped(self) -> int:
        """Return the number of packets that were lost."""


class Watch:
    """The callers watch. ``attribution`` is the best method of attribution that this kernel offers, for the status."""

    def __init__(
        self, source: Source, attributor: Attributor, store: Store, attribution: str, log: t.Callable[[str], None]
    ) -> None:
        """Load the records. *log* receives a message for each problem."""
        self._source, self._attributor, self._store = source, attributor, store
        self._attribution, self._log = attribution, log
        self._problems: t.List[str] = []
        self._reported: t.Optional[str] = None  # the problem of the store that was logged last
        self._flows, self._records, self._noise = Flows(), Records(), Noise(Excuses(store.directory).use)
        self._priority = Priority()
        self._lost, self._last_loss = 0, 0
        self._unread = 0  # at least this many packets were left at the end
        self._changed = True
        self._written = self._swept = float("-inf")
        self._since = self._latest = int(time.time())
        self._offset = time.time() - time.monotonic()
        self._periods: t.List[_periods.Period] = []
        self._load()

    def save(self) -> None:
        """Write the file, and wait until it is written."""
        self._write()
        self._store.wait()
        self._log_store_problem()

    def run(self, stop: int, seconds: t.Optional[float] = None) -> None:
        """Run until the descriptor *stop* is readable, or for some seconds."""
        urgent = [stop, *self._attributor.descriptors()]
        ends = float("inf") if seconds is None else time.monotonic() + seconds
        while time.monotonic() < ends:
            ready = _wait([*urgent, self._source.fileno()], self._poll_timeout(ends))
            if stop in ready:
                break
            self._attributor.read_events()
            self._read_packets(_SWEEP_SECONDS)
            self._housekeeping()
            if urgent[1:] and self._source.fileno() in ready and self._read_events_only(urgent):
                break
        if not self._read_packets(_LAST_SECONDS):
            self._unread = 1
            self.log_problem(
                "The watch was stopped while more packets arrived than it could read. The last ones are not recorded."
            )
        self._count(self._flows.end(time.monotonic()))
        self.save()

    def _read_events_only(self, urgent: t.List[int]) -> bool:
        """Handle events of the kernel for REST_SECONDS while packets queue. Return whether to stop.

        A process that connects may end at once, so its event is urgent. Packets are not, and to wake up for each one would slow
        down, on a busy host, the very programs that send them.
        """
        rest = time.monotonic() + REST_SECONDS
        while True:
            self._attributor.read_events()
            left = rest - time.monotonic()
            if left <= 0:
                return False
            if urgent[0] in _wait(urgent, left):
                return True

    def status(self) -> t.Dict[str, t.Any]:
        """Return the status for the file."""
        problems = self._problems + ([self._store.problem] if self._store.problem else [])
        return {
            "pid": os.getpid(),
            "running_since": self._since,
            "updated": self._latest,
            "attribution": self._attribution,
            "coverage": PARTIAL if self._attribution == "socket" else FULL,
            "dropped": self._dropped(),
            "evicted": self._flows.evicted,
            "lost_events": self._attributor.lost(),
            "last_loss": self._last_loss or None,
            "problems": problems,
        }

    def _dropped(self) -> int:
        return self._source.count_dropped() + self._unread

    def _count_losses(self) -> None:
        """Record the time if anything was lost since the last call: packets, connections, or events of the kernel."""
        lost = self._dropped() + self._flows.evicted + self._attributor.lost()
        if lost > self._lost:
            self._lost, self._last_loss, self._changed = lost, self._now(), True

    def _read_packets(self, seconds: float) -> bool:
        """Read packets for some seconds, or until none is left; return whether none is left."""
        ends = time.monotonic() + seconds
        segment = self._source.segment()
        while segment is not None:
            self._attributor.read_events()  # first: the event precedes the first packet, and the process may end soon
            now = time.monotonic()
            done, began = self._flows.take(segment, now)
            if began is not None:
                began.caller = self._attributor.attribute(began)
            self._count(done)
            if now - self._swept >= _SWEEP_SECONDS:
                self._housekeeping()
            if now >= ends:
                return False
            self._priority.rest()
            segment = self._source.segment()
        return True

    def _count(self, done: Requests) -> None:
        """Add requests to the records."""
        for flow, requests in done:
            peer: Peer = flow.caller if flow.caller is not None else self._attributor.attribute(flow)
            for request in requests:
                noise = self._noise.kind(peer.sighting.caller, peer.pid, request, time.monotonic(), time.time())
                self._records.add(peer.sighting, request.mode, request.path, self._now(), noise, flow.service)
                self._changed = True

    def _housekeeping(self) -> None:
        now = time.monotonic()
        if now - self._swept >= _SWEEP_SECONDS:
            self._swept = now
            self._priority.adapt()
            self._count(self._flows.sweep(now))
            self._count_losses()
        due = WRITE_SECONDS if self._changed or self._store.problem else HEARTBEAT_SECONDS
        if self._store.busy():
            return
        self._log_store_problem()
        if now - self._written >= due:
            self._write()

    def _poll_timeout(self, ends: float) -> float:
        """Return the seconds until the next housekeeping, or the end."""
        now = time.monotonic()
        soon = self._changed or self._store.busy() or self._reported
        due = _SWEEP_SECONDS if soon else self._written + HEARTBEAT_SECONDS - now
        return max(0.0, min(due, HEARTBEAT_SECONDS, ends - now))

    def _write(self) -> None:
        self._count_losses()
        now = self._now()
        self._last_loss = min(self._last_loss, now)
        self._periods[-1][1] = now
        callers, other = self._records.as_json(now)
        self._store.write(self.status(), self._periods, callers, other)
        self._written, self._changed = time.monotonic(), False

    def _load(self) -> None:
        """Load the records of the last run."""
        content, problem = self._store.load()
        periods: t.List[_periods.Period] = []
        if content is not None:
            try:
                self._records.load(content.callers, content.other)
                periods = [[int(begin), int(end)] for begin, end in content.periods]
                self._last_loss = int(content.status.get("last_loss") or 0)
            except (ValueError, KeyError, TypeError, AttributeError):
                self._records, periods = Records(), []
                problem = (
                    "The records in the state directory are invalid, so new ones are started. %s"
                    % self._store.set_aside()
                )
        if problem:
            self.log_problem(problem)
        self._periods = _periods.resumed(periods, self._since)

    def _now(self) -> int:
        """Return the time in seconds since 1970. If the clock was set back, report that and correct the periods."""
        now = int(time.time())
        offset = time.time() - time.monotonic()
        if offset < self._offset - _CLOCK_SECONDS:
            self.log_problem(
                "The clock was set back by %d s. Later times in the records are changed to the new time."
                % (self._offset - offset)
            )
        self._offset = offset
        if now < self._latest:
            self._since = min(self._since, now)
            self._periods = _periods.limited(self._periods, now)
        self._latest = now
        return now

    def log_problem(self, problem: str) -> None:
        """Log a problem, and add it to the status."""
        self._problems = [*self._problems, problem][-MAXIMUM_PROBLEMS:]
        self._changed = True
        self._log(problem)

    def _log_store_problem(self) -> None:
        """Log when writing the file fails, and when it works again."""
        problem = self._store.problem
        if problem != self._reported:
            self._log(problem or "Writing the records works again.")
            self._reported = problem


def _wait(descriptors: t.Iterable[int], seconds: float) -> t.Set[int]:
    """Return the readable descriptors, as soon as there is one, at the latest after some seconds."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _event in poll.poll(math.ceil(seconds * 1000))}
