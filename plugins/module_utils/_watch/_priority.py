# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How urgent is the watch? Private to the collection.

A process that connects may end a millisecond later, so the watch must run at once. That is fair only while it uses
little: under a flood it steps back among all others, and may miss executables rather than take the processor.
"""

from __future__ import annotations

import os
import time

_URGENT, _PATIENT = -20, 0
_MUCH, _LITTLE = 0.25, 0.10  # of one processor


class Priority:
    """To be looked after about once a second."""

    def __init__(self) -> None:
        self._value = 0
        self._wall, self._used = time.monotonic(), time.process_time()
        self._set(_URGENT)

    def adapt(self) -> None:
        """Compare what was used since the last call with what is fair."""
        wall, used = time.monotonic(), time.process_time()
        if wall - self._wall < 0.5:
            return
        share = (used - self._used) / (wall - self._wall)
        self._wall, self._used = wall, used
        if share > _MUCH:
            self._set(_PATIENT)
        elif share < _LITTLE:
            self._set(_URGENT)

    def _set(self, value: int) -> None:
        if value == self._value:
            return
        try:
            os.setpriority(os.PRIO_PROCESS, 0, value)
            self._value = value
        except OSError:
            pass  # without CAP_SYS_NICE or a limit that allows it: as urgent as any other
