# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait for a condition. The only place that says how long a test waits before it gives up."""

from __future__ import annotations

import contextlib
import signal
import time
from typing import Any, Callable, Iterator, NoReturn, TypeVar

# Each wait ends with an event; these only end one that would last forever.
GIVE_UP_SECONDS = 120.0
PROCESS_SECONDS = 900.0  # for a whole process, such as a playbook
_PAUSE = 0.02

Value = TypeVar("Value")


def wait_until(condition: Callable[[], Value], what: str = "the condition", seconds: float = GIVE_UP_SECONDS) -> Value:
    """Return the first true result of *condition*; raise AssertionError after some seconds.

    *what* names the condition in the message. It may be a condition that raises AssertionError to give up at once.
    """
    give_up = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > give_up:
            raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(_PAUSE)


@contextlib.contextmanager
def gives_up() -> Iterator[None]:
    """Raise AssertionError if the block does not end within GIVE_UP_SECONDS, also in a system call. For the main thread."""

    def end(_number: int, _frame: Any) -> NoReturn:
        raise AssertionError(f"waited {GIVE_UP_SECONDS:.0f} s in vain for the end")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, GIVE_UP_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def comes_true(condition: Callable[[], Any]) -> bool:
    """Return whether *condition* becomes true within GIVE_UP_SECONDS."""
    try:
        wait_until(condition)
    except AssertionError:
        return False
    return True
