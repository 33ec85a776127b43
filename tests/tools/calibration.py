# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""calibration.py [--values]: print how fast this machine is now, so that durations can be compared between machines.

Two measurements: a fixed loop in pure Python, and one `ansible localhost -m ping`. The result is kept in the environment variable
IMDS_CALIBRATION (``LOOP PING``, in seconds), so that the stages of one run measure once. --values prints only that value.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

VARIABLE = "IMDS_CALIBRATION"
LOOP = 5_000_000
# The loop took this long on the machine on which the durations in stages.py were measured.
REFERENCE_SECONDS = 0.33


def _loop() -> float:
    """Return the seconds that a fixed loop takes: the shortest of three runs."""
    durations = []
    for _round in range(3):
        began, total = time.perf_counter(), 0
        for number in range(LOOP):
            total += number
        durations.append(time.perf_counter() - began)
    return min(durations)


def _ping() -> float:
    """Return the seconds that `ansible localhost -m ping` takes; 0 where ansible-core is not installed."""
    ansible = Path(sys.executable).parent / "ansible"
    if not ansible.exists():
        return 0.0
    command = [str(ansible), "localhost", "-i", "localhost,", "-c", "local", "-m", "ansible.builtin.ping"]
    # Without it, Ansible may choose a Python of the machine that does not work.
    command += ["-e", f"ansible_python_interpreter={sys.executable}"]
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def measure() -> tuple[float, float]:
    """Return (seconds of the loop, seconds of the ping), measured once for this process and those that it starts."""
    known = os.environ.get(VARIABLE, "").split()
    if len(known) == 2:
        return float(known[0]), float(known[1])
    measured = (_loop(), _ping())
    os.environ[VARIABLE] = "{:.3f} {:.3f}".format(*measured)
    return measured


def slowness() -> float:
    """Return how many times slower than the reference machine this one is."""
    return measure()[0] / REFERENCE_SECONDS


def line() -> str:
    """Return a line that states how fast this machine is, so that durations of two machines can be compared."""
    loop, ping = measure()
    return (
        f"Calibration: {LOOP:,} additions in Python take {loop:.2f} s, ansible localhost -m ping {ping:.2f} s "
        f"({slowness():.1f} times the reference machine)"
    )


if __name__ == "__main__":
    print("{:.3f} {:.3f}".format(*measure()) if sys.argv[1:] == ["--values"] else line())
