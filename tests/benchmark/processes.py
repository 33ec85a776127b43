# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one process to its end, and measure it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Sample(NamedTuple):
    """The resources that a process and those that it started used, and its exit status.

    Wall clock and CPU time (user and system) are in seconds, the peak memory of the largest process is in MiB.
    """

    wall: float
    cpu: float
    memory: float
    status: int


def run(command: Sequence[str], environment: Mapping[str, str], output: int = subprocess.DEVNULL) -> Sample:
    """Run *command*, with stdout and stderr in *output*."""
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    _pid, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    return Sample(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, process.returncode)
