# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the reason why a host is in ``rescue``. Pure functions."""

from __future__ import annotations

import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._common._text import printable

STOPPED = (
    "Another host of the play failed, which ended the play for this host, too (any_errors_fatal or a failed task for all hosts)."
    " Correct the failure of the other host and run the playbook again."
)


def failure(result: t.Any, task: t.Any) -> str:
    """Return why a host is in ``rescue``, from ansible_failed_result and ansible_failed_task.

    Both are undefined on a host that did not fail but was stopped because another host failed.
    """
    found = result if isinstance(result, t.Mapping) else {}
    message = found.get("msg") or found.get("reason")
    if message:
        return printable(str(message), keep="\n")  # a host chose the message, and the playbooks display it
    name = task.get("name") if isinstance(task, t.Mapping) else None
    if name or found:
        return "The task '%s' failed without a message." % (name or "without a name")
    return STOPPED
