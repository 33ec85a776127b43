# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start programs of the host. No other file of the collection does.

A program is started by its absolute path, in the directory /, with a minimal environment, without open files except the
standard streams, in a process group of its own, and with a time limit. So neither the working directory nor the environment of
the caller decides what root executes, and a program that hangs, or is stopped by its user, holds nothing up.
"""

import os
import shutil
import signal
import subprocess
import typing as t

TIMEOUT = 30.0
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
# After SIGKILL only a process in an uninterruptible system call stays; it is not waited for.
_REAP_SECONDS = 5.0


class ProgramError(Exception):
    """A program cannot be started or did not end in time; the message names it."""


class Done(t.NamedTuple):
    """The exit status of a program and all that it wrote."""

    status: int
    output: str
    errors: str


def find(program: str) -> t.Optional[str]:
    """Return the absolute path of *program*, or None if it is not installed.

    The sbin directories are searched even if the PATH of this process lacks them.
    """
    return shutil.which(program, path=_PATH)


def isolated(interpreter: str) -> t.List[str]:
    """Return the words that start a Python interpreter isolated from its environment, user and working directory.

    Python 2 has no ``-I``: its ``sys.path`` contains the working directory, which is / for all programs.
    """
    is_python2 = os.path.basename(interpreter) in ("python", "python2", "python2.7")
    return [interpreter, "-Es" if is_python2 else "-I"]


def run(
    *command: str, text: str = "", timeout: float = TIMEOUT, environment: t.Optional[t.Mapping[str, str]] = None
) -> Done:
    """Run *command* with *text* as its input and return how it ended. A name without directory is searched with `find`.

    *environment* has additional environment variables; those of this process are not inherited.

    Raises:
        ProgramError: It cannot be started, or its process group does not end within *timeout* seconds and was killed.
    """
    process = _start(command, {**(environment or {}), "PATH": _PATH, "LC_ALL": "C", "LANGUAGE": "C"})
    try:
        output, errors = process.communicate(text, timeout=timeout)
    except subprocess.TimeoutExpired as exc:
        raise ProgramError("'%s' did not end within %g s." % (" ".join(command), timeout)) from exc
    finally:
        _clean_up(process)
    return Done(process.returncode, output, errors)


def _start(command: t.Sequence[str], environment: t.Mapping[str, str]) -> "subprocess.Popen[str]":
    program = command[0] if os.path.isabs(command[0]) else find(command[0])
    if program is None:
        raise ProgramError("Cannot run %s: it is not installed." % command[0])
    try:
        # AnsibleModule.run_command is not available here: these functions have no AnsibleModule.
        return subprocess.Popen(  # pylint: disable=ansible-bad-function,consider-using-with
            [program, *command[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=environment,
            cwd="/",
            close_fds=True,
            start_new_session=True,
        )
    except OSError as exc:
        raise ProgramError("Cannot run %s: %s." % (command[0], exc.strerror)) from exc


def _clean_up(process: "subprocess.Popen[str]") -> None:
    """Kill what is left of the process group if the program has not ended, and close its streams."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(_REAP_SECONDS)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            try:
                stream.close()
            except OSError:  # input that the program did not read
                pass
