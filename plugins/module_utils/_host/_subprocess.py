# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run programs of the host and systemctl; errors become HostError."""

import os
import typing as t

from .._common import _programs
from .._common._programs import Done, find, isolated

_SYSTEMD = "/run/systemd/system"
# Exit statuses of `systemctl is-active`: another state than active, and no such unit. A program of type oneshot that runs is "activating".
_NOT_ACTIVE = (3, 4)
_CHANGING = ("activating", "deactivating", "reloading")

__all__ = [
    "Done",
    "HostError",
    "find",
    "has_systemd",
    "is_active",
    "isolated",
    "run",
    "run_checked",
    "summary",
    "systemctl",
]


class HostError(Exception):
    """The host lacks something or an operation on it failed; the message names both and the next step."""


def run(
    *command: str,
    text: str = "",
    timeout: float = _programs.TIMEOUT,
    environment: t.Optional[t.Mapping[str, str]] = None,
) -> Done:
    """Run *command* with *text* as its input and return how it ended; see `_common._programs.run`.

    *environment* has additional environment variables; those of this process are not inherited.

    Raises:
        HostError: It cannot be started, or runs longer than *timeout* seconds.
    """
    try:
        return _programs.run(*command, text=text, timeout=timeout, environment=environment)
    except _programs.ProgramError as exc:
        raise HostError(str(exc)) from exc


def run_checked(*command: str, text: str = "") -> str:
    """Run *command* as `run` does and return its output.

    Raises:
        HostError: As for `run`, or the exit status is not 0; the message has what the program wrote.
    """
    done = run(*command, text=text)
    if done.status != 0:
        raise HostError("'%s' failed with status %d: %s" % (" ".join(command), done.status, summary(done)))
    return done.output


def summary(done: Done) -> str:
    """Return the error messages of a program, or else its output, as one line of limited length."""
    return " ".join((done.errors or done.output).split())[:1000] or "no message"


def has_systemd() -> bool:
    """Return whether systemd is process 1. In images and most containers it is not, but its unit files are installed."""
    return os.path.isdir(_SYSTEMD)


def systemctl(*arguments: str) -> None:
    """Run systemctl if systemd is process 1, else do nothing; raise HostError if it fails."""
    if has_systemd():
        run_checked("systemctl", *arguments)


def is_active(unit: str, or_changing: bool = False) -> bool:
    """Return whether systemd reports *unit* as active or, with *or_changing*, as about to start or to stop.

    Raises:
        HostError: systemd did not answer.
    """
    if not has_systemd():
        return False
    done = run("systemctl", "is-active", unit)
    if done.status not in (0, *_NOT_ACTIVE):
        raise HostError("'systemctl is-active %s' failed with status %d: %s" % (unit, done.status, summary(done)))
    return done.status == 0 or (or_changing and done.output.strip() in _CHANGING)
