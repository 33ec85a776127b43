# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clock that deadlines and pauses use, so that a test can replace it. This module util is private to the collection."""

from __future__ import annotations

import time
import typing as t


class Clock(t.NamedTuple):
    """``now`` returns monotonic seconds; ``sleep`` waits for that many seconds."""

    now: t.Callable[[], float] = time.monotonic
    sleep: t.Callable[[float], None] = time.sleep


SYSTEM_CLOCK = Clock()
