# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clocks for tests: time passes only while the tested code sleeps, so results do not depend on the machine's speed."""

from __future__ import annotations

import concurrent.futures
import heapq
import itertools
import socket
import threading
from typing import Any, Callable, Iterable

from ansible_collections.alicloud.imds.plugins.module_utils._common._clock import Clock

START = 1000.0


class FakeClock:
    """A clock that does not run: ``sleep`` records the pause and advances the clock by it."""

    def __init__(self) -> None:
        self.seconds = START
        self.pauses: list[float] = []
        self.clock = Clock(self.now, self.sleep)

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds

    @property
    def elapsed(self) -> float:
        return self.seconds - START


class ScriptedSocket:
    """A socket whose peer follows a fake clock: *arrivals* are pairs (seconds until the data arrives, data).

    After the last arrival, the peer sends nothing. ``bounds`` has the timeout that was set for each send and receive.
    """

    def __init__(self, clock: FakeClock, arrivals: Iterable[tuple[float, bytes]] = ()) -> None:
        self._clock = clock
        self._arrivals = list(arrivals)
        self._timeout = float("inf")
        self.bounds: list[float] = []
        self.sent = b""

    def settimeout(self, seconds: float) -> None:
        self._timeout = seconds

    def sendall(self, data: bytes) -> None:
        self.bounds.append(self._timeout)
        self.sent += data

    def recv_into(self, buffer: Any) -> int:
        self.bounds.append(self._timeout)
        after, data = self._arrivals.pop(0) if self._arrivals else (float("inf"), b"")
        self._clock.advance(min(after, self._timeout))
        if after > self._timeout:
            raise socket.timeout("timed out")
        buffer[: len(data)] = data
        return len(data)

    def setsockopt(self, *_arguments: Any) -> None:
        pass

    def close(self) -> None:
        pass


class PassingTime:
    """A poll object without events: time passes for as long as it may wait."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.waits: list[float] = []

    def register(self, *_arguments: Any) -> None:
        pass

    def poll(self, milliseconds: float) -> list[Any]:
        self.waits.append(milliseconds / 1000)
        self._clock.advance(milliseconds / 1000)
        return []


class VirtualTime:
    """One virtual clock for *threads* threads, of which one runs at a time.

    When all threads sleep, the time advances to the next wake-up. It does not advance before all threads have started, so
    the order of events does not depend on the machine. The threads are those of `executor`.
    """

    def __init__(self, threads: int) -> None:
        self.seconds = START
        self.clock = Clock(self.now, self.sleep)
        self._awake = 0
        self._missing = threads
        self._numbers = itertools.count()
        self._sleeping: list[tuple[float, int, threading.Event]] = []
        self._lock = threading.Lock()

    @property
    def elapsed(self) -> float:
        return self.seconds - START

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        woken = threading.Event()
        with self._lock:
            heapq.heappush(self._sleeping, (self.seconds + seconds, next(self._numbers), woken))
            self._awake -= 1
            self._move_on()
        if not woken.wait(60):
            raise AssertionError("the virtual time stands still")

    def executor(self, max_workers: int) -> concurrent.futures.ThreadPoolExecutor:
        """Return a ThreadPoolExecutor whose threads use this clock."""
        return _Executor(self, max_workers)

    def _enter(self) -> None:
        with self._lock:
            self._missing -= 1
            self._awake += 1

    def _leave(self) -> None:
        with self._lock:
            self._awake -= 1
            self._move_on()

    def _move_on(self) -> None:
        if self._missing <= 0 and not self._awake and self._sleeping:
            self.seconds, _number, woken = heapq.heappop(self._sleeping)
            self._awake += 1
            woken.set()


class _Executor(concurrent.futures.ThreadPoolExecutor):
    def __init__(self, time: VirtualTime, max_workers: int) -> None:
        super().__init__(max_workers)
        self._time = time

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
        self._time._enter()

        def run() -> Any:
            # Every thread starts with a pause, so that all have started before the first one continues.
            try:
                self._time.sleep(0)
                return function(*arguments, **named)
            finally:
                self._time._leave()

        return super().submit(run)
