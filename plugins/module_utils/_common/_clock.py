# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Provide the clock for deadlines and pauses as a value that tests can replace."""

import time
import typing as t


class Clock(t.NamedTuple):
    """A source of time: ``now`` returns monotonic seconds, ``sleep`` waits for a number of seconds."""

    now: t.Callable[[], float] = time.monotonic
    sleep: t.Callable[[float], None] = time.sleep


SYSTEM_CLOCK = Clock()
