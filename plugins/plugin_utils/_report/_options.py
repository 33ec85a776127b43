# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The argument specification of the report, and the choices in it."""

from __future__ import annotations

import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._fleet._verdict import VERDICTS
from ansible_collections.alicloud.imds.plugins.module_utils._host._fence_rules import MODES as FENCE_MODES
from ansible_collections.alicloud.imds.plugins.module_utils._imds._access_modes import VERDICTS as IN_GUEST_VERDICTS
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._catalog import SEVERITIES

from ._language import LANGUAGES

Spec = t.Dict[str, t.Any]

OUTCOMES = (
    *("changed", "unchanged", "failed", "rolled_back", "blocked", "exempt", "disabled", "not_ecs", "unsupported"),
    *("unreachable", "skipped"),
)
FILE_MODES = ("0600", "0640")
__all__ = ["HOST", "OUTCOMES", "SEVERITIES", "Spec", "argument_spec"]

_CONTROL_PLANE: Spec = {
    "http_tokens": {"type": "str", "choices": ["optional", "required"]},
    "http_endpoint": {"type": "str", "choices": ["enabled", "disabled"]},
    "instance_metadata_tags": {"type": "str", "choices": ["enabled", "disabled"]},
    "verdict": {"type": "str", "choices": list(VERDICTS)},
    "reason": {"type": "str"},
}
_IN_GUEST: Spec = {
    "verdict": {"type": "str", "choices": list(IN_GUEST_VERDICTS), "required": True},
    "problems": {"type": "list", "elements": "str"},
}
_WAIVED: Spec = {"reason": {"type": "str", "required": True}, "expires": {"type": "str", "required": True}}
_FINDING: Spec = {
    "id": {"type": "str", "required": True},
    "severity": {"type": "str", "choices": list(SEVERITIES), "required": True},
    "title": {"type": "str", "required": True},
    "detail": {"type": "str"},
    "evidence": {"type": "raw"},
    "impact": {"type": "str"},
    "remedy": {"type": "str"},
    "waived": {"type": "dict", "options": _WAIVED},
}
_CALLER: Spec = {
    "mode": {"type": "str", "required": True},
    "uid": {"type": "int"},
    "user": {"type": "str"},
    "exe": {"type": "str"},
    "comm": {"type": "str"},
    "unit": {"type": "str"},
    "container": {"type": "str"},
    "source": {"type": "str"},
    "path_class": {"type": "str"},
    "count": {"type": "int"},
    "first_seen": {"type": "str"},
    "last_seen": {"type": "str"},
    "noise": {"type": "str"},
}
_FENCE: Spec = {"mode": {"type": "str", "choices": list(FENCE_MODES), "required": True}, "counters": {"type": "dict"}}
_OUTCOME: Spec = {"result": {"type": "str", "choices": list(OUTCOMES), "required": True}, "reason": {"type": "str"}}
HOST: Spec = {
    "host": {"type": "str", "required": True},
    "instance_id": {"type": "str"},
    "region_id": {"type": "str"},
    "name": {"type": "str"},
    "control_plane": {"type": "dict", "options": _CONTROL_PLANE},
    "in_guest": {"type": "dict", "options": _IN_GUEST},
    "findings": {"type": "list", "elements": "dict", "options": _FINDING},
    "callers": {"type": "list", "elements": "dict", "options": _CALLER},
    "fence": {"type": "dict", "options": _FENCE},
    "outcome": {"type": "dict", "options": _OUTCOME},
    "batch": {"type": "str"},
}


def argument_spec() -> Spec:
    """Return the documented specification. The entries of hosts are validated one by one, see `top_level_spec`."""
    return {
        "path": {"type": "path", "required": True},
        "title": {"type": "str", "default": "ECS metadata access"},
        "hosts": {"type": "list", "elements": "dict", "required": True, "options": HOST},
        "unreachable": {"type": "list", "elements": "str", "default": []},
        "skipped": {"type": "list", "elements": "str", "default": []},
        "inventory": {"type": "list", "elements": "str", "default": []},
        "instances": {"type": "list", "elements": "dict"},
        "unread_regions": {"type": "list", "elements": "str", "default": []},
        "future": {"type": "dict"},
        "conditions": {"type": "list", "elements": "str", "default": []},
        "mode": {"type": "str", "choices": list(FILE_MODES), "default": "0600"},
        "language": {"type": "str", "choices": list(LANGUAGES), "default": "en"},
    }


def top_level_spec() -> Spec:
    """Return the specification that accepts any entries of hosts and instances."""
    anything: Spec = {"type": "list", "elements": "raw"}
    return {**argument_spec(), "hosts": {**anything, "required": True}, "instances": anything}
