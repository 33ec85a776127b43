# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a task that changes launch templates, or restores recorded default versions."""

import typing as t

from ..._openapi._ecs import Ecs
from ..._openapi._templates import LaunchTemplates
from . import _operations, _report
from ._apply import Apply
from ._operations import select
from ._plan import Change, Desired, plan
from ._record import TemplateRecord
from ._task import Steps
from ._template import TemplateOptions

Params = t.Mapping[str, t.Any]


def check_options(params: Params) -> None:
    """Raise ValueError for an invalid ID, or if nothing is selected."""
    _operations.check_options(params)
    if params["state"] == "present" and not (params["all_launch_templates"] or params["launch_template_ids"]):
        raise ValueError(
            "No launch templates are selected. Set 'launch_template_ids', or 'all_launch_templates: true'."
        )


def steps(api: Ecs, params: Params, record: t.Optional[TemplateRecord]) -> Steps:
    """Return the steps of a task with these options."""
    ids, workers = params["launch_template_ids"], params["max_concurrency"]
    desired = Desired(
        TemplateOptions(params["http_endpoint"], params["http_tokens"]),
        params["base_version"],
        params["make_default"],
        params["allow_windows"],
        params["allow_unknown_image"],
    )
    return Steps(
        "launch templates",
        record,
        lambda: [plan(found, desired) for found in select(api, params["regions"], ids, workers)],
        lambda kept: plan_restore(api, kept, ids, workers),
        _report.planned,
        lambda changes, kept, log: Apply(LaunchTemplates(api), kept, log=log).all(changes, workers),
        lambda outcomes: (_report.problem_of(outcomes), _report.result_of(outcomes)),
    )


def plan_restore(api: Ecs, record: TemplateRecord, ids: t.Optional[t.Sequence[str]], workers: int) -> t.List[Change]:
    """Return the changes that make the recorded versions the default again; raise RecordError, ApiError or ValueError."""
    entries = record.entries()
    wanted = {name: it for name, it in entries.items() if ids is None or name in ids}
    missing = sorted(set(ids or ()) - set(wanted))
    if missing:
        raise ValueError("The record %s has no launch template %s." % (record.path, ", ".join(missing[:5])))
    changes = []
    by_region: t.Dict[str, t.List[str]] = {}
    for name, entry in wanted.items():
        by_region.setdefault(entry.region_id, []).append(name)
    for region, names in sorted(by_region.items()):
        for found in select(api, [region], sorted(names), workers):
            former = wanted[found.template.template_id].values["default_version"]
            base = found.versions.get(found.template.default_version)
            options = found.versions[former].options if former in found.versions else None
            refusal = None if former in found.versions else "The recorded version %d does not exist anymore." % former
            other = former != found.template.default_version
            changes.append(Change(found.template, base, former, None, other, refusal, options))
    return changes
