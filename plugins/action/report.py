# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind alicloud.imds.report; plugins/modules/report.py documents it."""

from __future__ import annotations

import datetime
import os
import time
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible_collections.alicloud.imds.plugins.module_utils._common._utc import format_utc
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._options import top_level_spec
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._report import report
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._writer import ReportError

_DEEPEST = 20


class ActionModule(ActionBase):
    """Write the fleet report on the controller, as the user who runs Ansible."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Validate the arguments of the task, write the report and return its result."""
        result = super().run(tmp, task_vars)
        validated = ArgumentSpecValidator(top_level_spec()).validate(plain(self._task.args))
        if validated.error_messages:
            raise AnsibleActionFail(validated.errors.msg)
        params = dict(validated.validated_parameters)
        params["path"] = os.path.abspath(params["path"])
        now = format_utc(time.time())
        try:
            result.update(report(params, now, self._task.check_mode, validate))
        except (ReportError, ValueError) as exc:
            raise AnsibleActionFail(str(exc)) from None  # ansible-core would repeat the message
        return result


def validate(spec: dict[str, t.Any], given: dict[str, t.Any]) -> tuple[dict[str, t.Any], list[str]]:
    """Return the valid values in *given*, and the errors."""
    try:
        checked = ArgumentSpecValidator(spec).validate(given)
    except (AttributeError, TypeError):  # a value that is not a dictionary, where the specification has suboptions
        return {}, ["%s: not a dictionary, or with an invalid one" % ", ".join(spec)]
    return dict(checked.validated_parameters), list(checked.error_messages)


def plain(value: t.Any, depth: int = 0) -> t.Any:
    """Return *value* as a module would receive it: JSON types without tags, lazy containers, vaulted texts or dates."""
    if isinstance(value, (t.Mapping, list, tuple, set, frozenset)) and depth > _DEEPEST:
        return "(nested too deeply)"
    if isinstance(value, t.Mapping):
        return {str(key): plain(it, depth + 1) for key, it in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(it, depth + 1) for it in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return value.isoformat() if isinstance(value, datetime.date) else str(value)
