# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How does the watch run? Waits for packets and for the kernel's word, counts, and writes now and then.

It listens and does nothing else: whatever happens to it, no request is held up or changed. Private to the collection.
"""

from __future__ import annotations

import math
import os
import select
import time
import typing as t

from ._attribution import Finder, Peer
from ._noise import Noise
from ._priority import Priority
from ._records import Records
from ._store import Store
from ._tcp import Flow, Flows, Segment

WRITE_SECONDS = 5.0
HEARTBEAT_SECONDS = 60.0
REST_SECONDS = 0.05
GAP_SECONDS = 60  # a restart that takes no longer does not end a time of watching
MAXIMUM_PERIODS = 20
MAXIMUM_PROBLEMS = 10
_SWEEP_SECONDS = 1.0
_CLOCK_SECONDS = 5

Requests = t.List[t.Tuple[Flow, t.List[t.Any]]]


class Source(t.Protocol):
    """Where segments come from, as `_capture.Capture`."""

    def fileno(self) -> int: ...

    def segment(self) -> t.Optional[Segment]: ...

    def count_dropped(self) -> int: ...


class Watch:
    """The whole of it. ``found_by`` is the best way to find a caller that this kernel allows, for the status."""

    def __init__(
        self, source: Source, finder: Finder, store: Store, found_by: str, log: t.Callable[[str], None]
    ) -> None:
        """*log* gets a sentence whenever something is not as it should be."""
        self._source, self._finder, self._store = source, finder, store
        self._found_by, self._log = found_by, log
        self._problems: t.List[str] = []
        self._told: t.Optional[str] = None
        self._flows, self._records, self._noise, self._priority = Flows(), Records(), Noise(), Priority()
        self._changed = True
        self._written = self._swept = float("-inf")
        self._since = self._latest = int(time.time())
        self._offset = time.time() - time.monotonic()
        self._periods: t.List[t.List[int]] = []
        self._load()

    def save(self) -> None:
        """Write the file, and return when that is done."""
        self._write()
        self._store.wait()
        self._tell_of_the_disk()

    def run(self, stop: int, seconds: t.Optional[float] = None) -> None:
        """Until there is something to read from the descriptor *stop*, or for some seconds."""
        urgent = [stop, *self._finder.urgent()]
        ends = float("inf") if seconds is None else time.monotonic() + seconds
        while time.monotonic() < ends:
            ready = _wait([*urgent, self._source.fileno()], self._poll_timeout(ends))
            if stop in ready:
                break
            self._finder.listen()
            self._read_packets()
            self._housekeeping()
            if urgent[1:] and self._source.fileno() in ready and self._listen_for_a_while(urgent):
                break
        self._read_packets()
        self._count(self._flows.end(time.monotonic()))
        self.save()

    def _listen_for_a_while(self, urgent: t.List[int]) -> bool:
        """Let further packets wait, but not what the kernel tells. True if it is time to stop.

        Who connects may end in a moment. Packets do not run away, and to wake up for each would hold up, on a busy
        machine, the very programs that send them.
        """
        rest = time.monotonic() + REST_SECONDS
        while True:
            self._finder.listen()
            left = rest - time.monotonic()
            if left <= 0:
                return False
            if urgent[0] in _wait(urgent, left):
                return True

    def status(self) -> t.Dict[str, t.Any]:
        """As it stands in the file."""
        problems = self._problems + ([self._store.problem] if self._store.problem else [])
        return {
            "pid": os.getpid(),
            "running_since": self._since,
            "updated": self._latest,
            "found_by": self._found_by,
            "dropped": self._source.count_dropped(),
            "forgotten": self._flows.forgotten,
            "problems": problems,
        }

    def _read_packets(self) -> None:
        segment = self._source.segment()
        while segment is not None:
            self._finder.listen()  # first, since it is told before the first packet, and the process may end soon
            now = time.monotonic()
            done, began = self._flows.take(segment, now)
            if began is not None:
                began.caller = self._finder.find(began)
            self._count(done)
            if now - self._written >= WRITE_SECONDS:
                self._housekeeping()
            segment = self._source.segment()

    def _count(self, done: Requests) -> None:
        """Add requests to the records."""
        for flow, requests in done:
            peer: Peer = flow.caller if flow.caller is not None else self._finder.find(flow)
            for request in requests:
                noise = self._noise.kind(peer.sighting.caller, peer.pid, request, time.monotonic())
                self._records.add(peer.sighting, request.mode, request.path, self._now(), noise)
                self._changed = True

    def _housekeeping(self) -> None:
        now = time.monotonic()
        if now - self._swept >= _SWEEP_SECONDS:
            self._swept = now
            self._priority.adapt()
            self._count(self._flows.sweep(now))
        due = WRITE_SECONDS if self._changed or self._store.problem else HEARTBEAT_SECONDS
        if self._store.busy():
            return
        self._tell_of_the_disk()
        if now - self._written >= due:
            self._write()

    def _poll_timeout(self, ends: float) -> float:
        """Seconds until there is something to do even if nothing happens."""
        now = time.monotonic()
        soon = self._changed or self._store.busy() or self._told
        due = _SWEEP_SECONDS if soon else self._written + HEARTBEAT_SECONDS - now
        return max(0.0, min(due, HEARTBEAT_SECONDS, ends - now))

    def _write(self) -> None:
        now = self._now()
        self._periods[-1][1] = now
        callers, other = self._records.as_json(now)
        self._store.write(self.status(), self._periods, callers, other)
        self._written, self._changed = time.monotonic(), False

    def _load(self) -> None:
        """Go on from what was written last."""
        content, problem = self._store.load()
        periods: t.List[t.List[int]] = []
        if content is not None:
            try:
                self._records.load(content.callers, content.other)
                periods = [[int(begin), int(end)] for begin, end in content.periods]
            except (ValueError, KeyError, TypeError, AttributeError):
                self._records, periods = Records(), []
                problem = "The records of earlier are damaged. %s" % self._store.put_aside()
        if problem:
            self.log_problem(problem)
        self._periods = resumed(periods, self._since)

    def _now(self) -> int:
        """The time of day; also see whether somebody has set the clock back."""
        now = int(time.time())
        offset = time.time() - time.monotonic()
        if offset < self._offset - _CLOCK_SECONDS:
            self.log_problem(
                "The clock was set back by %d s; times before are cut to the new time." % (self._offset - offset)
            )
        self._offset = offset
        if now < self._latest:
            self._since = min(self._since, now)
            self._periods = [[min(begin, now), min(end, now)] for begin, end in self._periods]
        self._latest = now
        return now

    def log_problem(self, problem: str) -> None:
        """Say it now, and keep it for the status."""
        self._problems = [*self._problems, problem][-MAXIMUM_PROBLEMS:]
        self._changed = True
        self._log(problem)

    def _tell_of_the_disk(self) -> None:
        """Once when writing fails, and once when it works again."""
        problem = self._store.problem
        if problem != self._told:
            self._log(problem or "The records can be written again.")
            self._told = problem


def _wait(descriptors: t.Iterable[int], seconds: float) -> t.Set[int]:
    """Those that can be read, as soon as one can."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _event in poll.poll(math.ceil(seconds * 1000))}


def resumed(periods: t.List[t.List[int]], now: int) -> t.List[t.List[int]]:
    """The times of watching, with one that goes on now: the last, if it ended a moment ago, else a new one."""
    kept = [[min(begin, now), min(end, now)] for begin, end in periods if begin <= end]
    if kept and now - kept[-1][1] <= GAP_SECONDS:
        kept[-1][1] = now
    else:
        kept.append([now, now])
    return kept[-MAXIMUM_PERIODS:]
