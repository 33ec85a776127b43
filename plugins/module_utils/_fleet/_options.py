# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module options that select instances."""

import typing as t

from .._common._text import one_line
from ._select import Selection

_Spec = t.Dict[str, t.Dict[str, t.Any]]


def selection_spec(regions_required: bool) -> _Spec:
    """Return the argument spec of the options that select instances."""
    return {
        "regions": {"type": "list", "elements": "str", "required": regions_required, "aliases": ["region"]},
        "instance_ids": {"type": "list", "elements": "str", "aliases": ["instance_id"]},
        "tags": {"type": "dict"},
        "name": {"type": "str"},
        "vpc_id": {"type": "str"},
        "empty_options": {"type": "str", "choices": ["unknown", "default"], "default": "unknown"},
        "expect_at_least": {"type": "int", "default": 0},
        "exclude": {"type": "dict", "default": {}},
        "assume_role": {"type": "list", "elements": "raw", "default": []},
        "own_account": {"type": "bool"},
    }


def selection(params: t.Mapping[str, t.Any]) -> Selection:
    """Return the selection in the parameters of a module; raise ValueError for an invalid one."""
    tags = params["tags"]
    return Selection(
        regions=params["regions"] or [],
        instance_ids=params["instance_ids"],
        tags=None if tags is None else {str(key): str(value) for key, value in tags.items()},
        name=params["name"],
        vpc_id=params["vpc_id"],
        empty_means_default=params["empty_options"] == "default",
    ).validate()


def too_few(params: t.Mapping[str, t.Any], number: int) -> t.Tuple[t.Optional[str], t.Optional[str]]:
    """Return an error if fewer instances were selected than ``expect_at_least``, and else a warning if none was. Both may be None."""
    if number < params["expect_at_least"]:
        text = "Only %d instances are selected, but 'expect_at_least' is %d. %s"
        return text % (number, params["expect_at_least"], _to_check(params)), None
    if number or params.get("state") == "restored":
        return None, None
    return None, "No instances are selected. %s To fail in this case, set 'expect_at_least: 1'." % _to_check(params)


def _to_check(params: t.Mapping[str, t.Any]) -> str:
    """Return what to check: the filters that are set, with their values."""
    names = ("regions", "instance_ids", "tags", "name", "vpc_id", "exclude", "record_only")
    given = ["'%s' (%s)" % (name, _short(params[name])) for name in names if params.get(name)]
    return "Check %s." % ", ".join(given) if given else "Check 'record'."


def _short(value: t.Any) -> str:
    if isinstance(value, dict):
        value = ["%s=%s" % item for item in value.items()]
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return one_line(text, 100)
