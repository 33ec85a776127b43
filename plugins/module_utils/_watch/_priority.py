# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adapt the scheduling priority of the watch to its processor usage.

A process that connects may end a millisecond later, so the watch runs with high priority to inspect it in time. It has a credit of
processor time for that, which lasts for thousands of requests and grows with time. Once the credit is used up, such as during a long
flood of requests, the watch runs with normal priority, rests for half of the time, and may miss executables instead.

A nice value only counts among the processes that the kernel schedules as one group. If a process is in no control group for processor
time, its group is its session (sched(7), "The autogroup feature"), whose nice value is set as well. If it is in one, the weight of that
group counts, which the unit has set to high (`_host._watch_service`); the watch cannot lower it. Therefore it rests.
"""

import os
import time

from ._proc import write

_HIGH, _NORMAL = -20, 0  # nice values
_SHARE = 0.25  # of one processor, which the watch may use for ever
_CREDIT = 5.0  # largest credit in seconds of processor time
_RUN = 0.02  # seconds of processor time between two rests
_SESSION = "/proc/self/autogroup"  # the nice value of this session


class Priority:
    """The nice value of this process and its session."""

    def __init__(self) -> None:
        """Set high priority."""
        self._value = _NORMAL
        self._high = True
        self._credit = _CREDIT
        self._wall, self._used = time.monotonic(), time.process_time()
        self._rested = self._used
        self._set(_HIGH)

    def adapt(self) -> None:
        """Set the priority by the processor time since the last call. Call this about once a second."""
        wall, used = time.monotonic(), time.process_time()
        earned, spent = _SHARE * (wall - self._wall), used - self._used
        self._wall, self._used = wall, used
        self._credit = max(0.0, min(_CREDIT, self._credit + earned - spent))
        if self._high and not self._credit:
            self._high, self._rested = False, used
        elif self._credit >= _CREDIT / 2:
            self._high = True
        self._set(_HIGH if self._high else _NORMAL)

    def rest(self) -> None:
        """If the credit is used up, sleep from time to time, so that the watch uses at most half of a processor. Call this often."""
        if self._high:
            return
        ran = time.process_time() - self._rested
        if ran >= _RUN:
            time.sleep(ran)
            self._rested = time.process_time()

    def _set(self, value: int) -> None:
        if value == self._value:
            return
        try:
            os.setpriority(os.PRIO_PROCESS, 0, value)
            if os.getsid(0) == os.getpid():  # else the value would count for programs of others, too
                write(_SESSION, str(value))
        except BlockingIOError:
            return  # the kernel allows about ten changes a second, of all sessions: set it the next time
        except OSError:
            pass  # without CAP_SYS_NICE the priority stays normal; some kernels have no groups of sessions
        self._value = value
