# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adapt the scheduling priority of the watch to its processor usage.

A process that connects may end a millisecond later, so the watch runs with high priority to inspect it in time. While it uses
much of a processor, such as during a flood of requests, it runs with normal priority and may miss executables instead.
"""

import os
import time

_HIGH, _NORMAL = -20, 0  # nice values
_MUCH, _LITTLE = 0.25, 0.10  # share of one processor


class Priority:
    """The nice value of this process."""

    def __init__(self) -> None:
        """Set high priority."""
        self._value = 0
        self._wall, self._used = time.monotonic(), time.process_time()
        self._set(_HIGH)

    def adapt(self) -> None:
        """Set the priority by the processor time since the last call. Call this about once a second."""
        wall, used = time.monotonic(), time.process_time()
        if wall - self._wall < 0.5:
            return
        share = (used - self._used) / (wall - self._wall)
        self._wall, self._used = wall, used
        if share > _MUCH:
            self._set(_NORMAL)
        elif share < _LITTLE:
            self._set(_HIGH)

    def _set(self, value: int) -> None:
        if value == self._value:
            return
        try:
            os.setpriority(os.PRIO_PROCESS, 0, value)
            self._value = value
        except OSError:
            pass  # without CAP_SYS_NICE the priority stays normal
