# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch delays no request. How much processor time it takes from others is measured by `make benchmark-watch`."""

from __future__ import annotations

import signal
from pathlib import Path

from conftest import Start
from machine import Machine, totals

GET = Path(__file__).resolve().parent / "clients/get.sh"
ZONE = "/latest/meta-data/zone-id"


def test_requests_are_answered_while_the_watch_stands_still(machine: Machine, start: Start) -> None:
    watch = start()
    watch.process.send_signal(signal.SIGSTOP)
    try:
        machine.run("bash", GET, ZONE, "ask", "20")
    finally:
        watch.process.send_signal(signal.SIGCONT)
    assert totals(watch.stop()) == {"normal_mode": 20}
