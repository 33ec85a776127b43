# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the installed programs once, outside Ansible, right after their installation.

The modules run with Ansible's interpreter and environment. The programs start on their own, so that their files may be on a file system
that does not permit execution, or the interpreter may be unable to run them.
"""

import json
import os
import re
import typing as t

from .._command._output import NOT_FOUND, REFUSED, UNEXPECTED, UNREACHABLE
from ._subprocess import Done, HostError, run, summary

# The program works, and the service does not: no reason not to install it.
_SERVICE_FAILED = {0, NOT_FOUND, REFUSED, UNREACHABLE, UNEXPECTED}


def check(program: str, local_fact: t.Optional[str], read_facts: t.Sequence[str]) -> None:
    """Start *program*, and run *local_fact* once, which calls the program with the arguments *read_facts*.

    Raises:
        HostError: One of them does not run; the message has what it wrote.
    """
    started = _run(program, "--help")
    if started.status != 0:
        raise HostError(_problem(program, started))
    if local_fact is None:
        return
    told = _run(local_fact)
    try:
        fact = json.loads(told.output)
        reason = "" if fact["available"] else str(fact["unavailable_reason"])
    except (ValueError, KeyError, TypeError):
        raise HostError(_problem(local_fact, told)) from None
    status = re.match(r"ecs-metadata facts ended with exit status (\d+)\.", reason)
    if status and int(status.group(1)) not in _SERVICE_FAILED:
        raise HostError(_problem(program, _run(program, *read_facts)))


def _run(*command: str) -> Done:
    """Run a program with the settings of the metadata client that this task has; raise HostError if it cannot be started."""
    settings = {name: value for name, value in os.environ.items() if name.startswith("ALICLOUD_IMDS_")}
    try:
        return run(*command, environment=settings)
    except HostError as exc:
        raise HostError(
            "%s If it is on a file system that is mounted with 'noexec', mount it with 'exec'." % exc
        ) from exc


def _problem(program: str, done: Done) -> str:
    return "%s does not run after its installation (exit status %d): %s" % (program, done.status, summary(done))
