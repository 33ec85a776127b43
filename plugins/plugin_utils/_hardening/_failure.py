# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the reason why a host is in ``rescue``. Pure functions."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._common._text import printable

STOPPED = (
    "Another host of the play failed, which ended the play for this host, too (any_errors_fatal or a failed task for all hosts)."
    " Correct the failure of the other host and run the playbook again."
)


# Module options that have a variable of the role
_VARIABLES = {
    "allow_ack_nodes": "hardening_allow_ack_nodes",
    "allowed_groups": "hardening_fence_groups",
    "allowed_sources": "hardening_fence_sources",
    "allowed_users": "hardening_fence_users",
    "deny_services": "hardening_fence_services",
    "empty_options": "hardening_empty_options",
    "adjacent_services": "hardening_fence_adjacent_services",
    "api_endpoint": "hardening_api_endpoint",
    "instance_ids": "hardening_instance_id",
    "regions": "hardening_region_id",
    "path": "imds_report_dir",
    "profile": "hardening_profile",
    "record": "hardening_record_dir",
    "wait": "hardening_wait_timeout",
    "wait_timeout": "hardening_wait_timeout",
}


# What ansible-core adds to the message of a filter
_WRAPPED = re.compile(r"\ATask failed: .*?: The filter plugin 'alicloud\.imds\.\w+' failed: ", re.DOTALL)


def with_variables(message: str) -> str:
    """Add the variable of the role or the playbook to each quoted module option in *message*, unless it is there already."""

    def add(match: "re.Match[str]") -> str:
        variable = _VARIABLES.get(match.group(1))
        return "%s (%s)" % (match.group(0), variable) if variable else match.group(0)

    return re.sub(r"'([a-z_]+)(?:: [^']+)?'(?! \((?:hardening|imds)_)", add, message)


def failure(result: t.Any, task: t.Any) -> str:
    """Return why a host is in ``rescue``, from ansible_failed_result and ansible_failed_task.

    Both are undefined on a host that did not fail but was stopped because another host failed.
    """
    found = result if isinstance(result, t.Mapping) else {}
    errors = found.get("argument_errors")
    if isinstance(errors, list) and errors:
        return printable("Variables of the role are invalid: %s." % "; ".join(map(str, errors)), keep="\n")
    message = found.get("msg") or found.get("reason")
    if message:
        # a host chose the message, and the playbooks display it
        return with_variables(printable(_WRAPPED.sub("", str(message)), keep="\n"))
    name = task.get("name") if isinstance(task, t.Mapping) else None
    if name or found:
        return "The task '%s' failed without a message." % (name or "without a name")
    return STOPPED
