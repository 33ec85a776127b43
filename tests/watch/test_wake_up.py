# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel wakes up the watch for each process that connects: it may end within a millisecond."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import lab
import pytest
from machine import Machine
from waiting import comes_true, wait_until

from plugins.module_utils._watch._bpf import Hook  # `python -m pytest` adds the checkout to sys.path

GET = Path(__file__).resolve().parent / "clients/get.sh"
ADDRESSES = (socket.inet_pton(socket.AF_INET, lab.SERVICE), socket.inet_pton(socket.AF_INET6, lab.SERVICE_IPV6))


@pytest.fixture
def hook(machine: Machine) -> Iterator[Hook]:
    attached = Hook(str(machine.cgroups), ADDRESSES, 80)
    yield attached
    attached.close()


def ask(machine: Machine) -> None:
    machine.run("bash", GET, "/latest/meta-data/zone-id", "ask", cgroup="ask.service")


def test_a_new_process_wakes_up_the_watch_that_has_not_read_all_events(machine: Machine, hook: Hook) -> None:
    """The ring buffer has events that do not wake up the watch, such as those of established connections."""
    ask(machine)
    first = hook._ring._consumed[0]
    assert len(list(hook.events())) == 2
    everything = hook._ring._consumed[0]
    poll = select.poll()
    poll.register(hook.fileno(), select.POLLIN)
    waiting = threading.Thread(target=poll.poll, daemon=True)  # at a timeout, poll() would look at the ring again
    waiting.start()
    wait_until(lambda: "poll" in Path(f"/proc/self/task/{waiting.native_id}/wchan").read_text(), "poll() to sleep")
    hook._ring._consumed[0] = first  # as if the events had been written without a wake-up while poll() slept
    ask(machine)
    assert comes_true(lambda: not waiting.is_alive())
    hook._ring._consumed[0] = everything
