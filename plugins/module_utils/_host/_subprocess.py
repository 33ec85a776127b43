# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs of the host: run within a time, in a known language, and with words for what went wrong. Private to the collection."""

from __future__ import annotations

import os
import shutil
import subprocess
import typing as t

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
_SECONDS = 30.0
_SYSTEMD = "/run/systemd/system"


class HostError(Exception):
    """This host lacks something, or does not do what it was told; the message says what, and what to do."""


class Done(t.NamedTuple):
    """How a program ended: its exit status and all it wrote."""

    status: int
    output: str
    errors: str


def find(program: str) -> t.Optional[str]:
    """The path of *program*, also where the caller's PATH lacks the sbin directories."""
    return shutil.which(program, path=_PATH)


def run(*command: str, text: str = "", seconds: float = _SECONDS) -> Done:
    """Run *command* with *text* as its input; raise HostError where it cannot be run, or does not end in time."""
    environment = {"PATH": _PATH, "LC_ALL": "C", "LANGUAGE": "C"}
    try:
        # not AnsibleModule.run_command: nothing here knows AnsibleModule
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            command,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            errors="replace",
            env=environment,
            timeout=seconds,
            check=False,
        )
    except OSError as exc:
        raise HostError("%s cannot be run: %s." % (command[0], exc.strerror)) from exc
    except subprocess.TimeoutExpired as exc:
        raise HostError("'%s' did not end within %g s." % (" ".join(command), seconds)) from exc
    return Done(done.returncode, done.stdout, done.stderr)


def run_checked(*command: str, text: str = "") -> str:
    """The same, and raise HostError with what it wrote where it fails; return its output."""
    done = run(*command, text=text)
    if done.status != 0:
        said = " ".join((done.errors or done.output).split()) or "no message"
        raise HostError("'%s' failed with status %d: %s" % (" ".join(command), done.status, said[:1000]))
    return done.output


def has_systemd() -> bool:
    """Is systemd process 1 here? Files for it are also written where it is not (images, containers)."""
    return os.path.isdir(_SYSTEMD)


def systemctl(*words: str) -> None:
    """Tell systemd something, where it runs."""
    if has_systemd():
        run_checked("systemctl", *words)


def is_active(unit: str) -> bool:
    """Does systemd count *unit* as started?"""
    return has_systemd() and run("systemctl", "is-active", "--quiet", unit).status == 0
