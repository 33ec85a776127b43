# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module options that select instances."""

import typing as t

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
        "max_concurrency": {"type": "int", "default": 16},
    }


def selection(params: t.Mapping[str, t.Any]) -> Selection:
    """Return the selection in the parameters of a module; raise ValueError for an invalid one."""
    if not 1 <= params["max_concurrency"] <= 64:
        raise ValueError("max_concurrency must be 1 to 64, not %s" % params["max_concurrency"])
    tags = params["tags"]
    return Selection(
        regions=params["regions"] or [],
        instance_ids=params["instance_ids"],
        tags=None if tags is None else {str(key): str(value) for key, value in tags.items()},
        name=params["name"],
        vpc_id=params["vpc_id"],
        empty_means_default=params["empty_options"] == "default",
    ).validate()
