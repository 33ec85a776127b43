# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adapt the scheduling priority of the watch to its processor usage.

A process that connects may end a millisecond later, so the watch runs with high priority to inspect it in time. It has a credit of
processor time for that, which lasts for thousands of requests and grows with time. Once the credit is used up, such as during a long
flood of requests, the watch runs with normal priority and may miss executables instead.
"""

import os
import time

_HIGH, _NORMAL = -20, 0  # nice values
_SHARE = 0.25  # of one processor, which the watch may use for ever
_CREDIT = 5.0  # largest credit in seconds of processor time


class Priority:
    """The nice value of this process."""

    def __init__(self) -> None:
        """Set high priority."""
        self._value = 0
        self._credit = _CREDIT
        self._wall, self._used = time.monotonic(), time.process_time()
        self._set(_HIGH)

    def adapt(self) -> None:
        """Set the priority by the processor time since the last call. Call this about once a second."""
        wall, used = time.monotonic(), time.process_time()
        earned, spent = _SHARE * (wall - self._wall), used - self._used
        self._wall, self._used = wall, used
        self._credit = max(0.0, min(_CREDIT, self._credit + earned - spent))
        if not self._credit:
            self._set(_NORMAL)
        elif self._credit >= _CREDIT / 2:
            self._set(_HIGH)

    def _set(self, value: int) -> None:
        if value == self._value:
            return
        try:
            os.setpriority(os.PRIO_PROCESS, 0, value)
            self._value = value
        except OSError:
            pass  # without CAP_SYS_NICE the priority stays normal
