# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run programs of the host with a timeout, a fixed PATH and untranslated messages."""

import os
import shutil
import subprocess
import typing as t

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
_TIMEOUT = 30.0
_SYSTEMD = "/run/systemd/system"


class HostError(Exception):
    """The host lacks something or an operation on it failed; the message names both and the next step."""


class Done(t.NamedTuple):
    """The exit status of a program and all that it wrote."""

    status: int
    output: str
    errors: str


def find(program: str) -> t.Optional[str]:
    """Return the path of *program*, or None if it is not installed.

    The sbin directories are searched even if the PATH of this process lacks them.
    """
    return shutil.which(program, path=_PATH)


def run(
    *command: str, text: str = "", timeout: float = _TIMEOUT, environment: t.Optional[t.Mapping[str, str]] = None
) -> Done:
    """Run *command* with *text* as its input and return how it ended.

    *environment* has additional environment variables; those of this process are not inherited.

    Raises:
        HostError: It cannot be started, or runs longer than *timeout* seconds.
    """
    variables = {**(environment or {}), "PATH": _PATH, "LC_ALL": "C", "LANGUAGE": "C"}
    try:
        # AnsibleModule.run_command is not available here: these functions have no AnsibleModule.
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            command,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            errors="replace",
            env=variables,
            timeout=timeout,
            check=False,
        )
    except OSError as exc:
        raise HostError("Cannot run %s: %s." % (command[0], exc.strerror)) from exc
    except subprocess.TimeoutExpired as exc:
        raise HostError("'%s' did not end within %g s." % (" ".join(command), timeout)) from exc
    return Done(done.returncode, done.stdout, done.stderr)


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


def is_active(unit: str) -> bool:
    """Return whether systemd reports *unit* as active."""
    return has_systemd() and run("systemctl", "is-active", "--quiet", unit).status == 0
