# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Select scaling configurations and the changes of a task, change them through the API, and read what scaling groups use."""

import typing as t

from ..._openapi._ecs import Ecs
from ..._openapi._scaling import AutoScaling
from ..._openapi._templates import LaunchTemplates
from . import _configuration, _in_place, _report
from ._in_place import Change, Present
from ._operations import check_found, read_selected
from ._plan import Desired
from ._record import ConfigurationRecord, is_configuration_id
from ._survey import Survey
from ._task import Steps
from ._template import TemplateOptions


class Configurations:
    """Change and read scaling configurations, see ``_in_place.Target``."""

    def __init__(self, scaling: AutoScaling) -> None:
        self._scaling = scaling

    def send(self, change: Change) -> str:
        """Send a change, and return the RequestId."""
        after = change.after
        return self._scaling.modify_configuration(
            change.region_id, change.item_id, after["http_endpoint"], after["http_tokens"]
        )

    def read(self, region: str, ids: t.Sequence[str]) -> t.Mapping[str, Present]:
        """Return the scaling configurations by ID. Many are read with all others of the region, which needs fewer API calls."""
        rows = self._scaling.configurations(region, ids if len(ids) <= 50 else None)
        found = [_configuration.parse_configuration(row, region) for row in rows]
        return {it.configuration_id: Present(it.options.as_dict(), it.others) for it in found}


def check_options(params: t.Mapping[str, t.Any]) -> None:
    """Raise ValueError for an invalid ID, or if nothing is selected."""
    ids = params["scaling_configuration_ids"]
    for name in ids or ():
        if not is_configuration_id(name):
            raise ValueError(
                "%r in 'scaling_configuration_ids' is not the ID of a scaling configuration, such as asc-bp1abc." % name
            )
    if params["state"] == "present" and not (params["all_scaling_configurations"] or ids):
        raise ValueError(
            "No scaling configurations are selected. Set 'scaling_configuration_ids', or 'all_scaling_configurations: true'."
        )


def steps(
    api: Ecs, scaling: AutoScaling, params: t.Mapping[str, t.Any], record: t.Optional[ConfigurationRecord]
) -> Steps:
    """Return the steps of a task with these options."""
    ids, workers = params["scaling_configuration_ids"], params["max_concurrency"]
    options = TemplateOptions(params["http_endpoint"], params["http_tokens"])
    desired = Desired(options, allow_windows=params["allow_windows"], allow_unknown_image=params["allow_unknown_image"])
    target = Configurations(scaling)
    return Steps(
        "scaling configurations",
        record,
        lambda: plan_present(api, scaling, params["regions"], ids, desired, workers),
        lambda kept: plan_restore(scaling, kept, ids),
        _in_place.planned,
        lambda changes, kept, log: _in_place.Apply(target, kept, log=log, kind="scaling_configuration").all(
            changes, workers
        ),
        lambda outcomes: (
            _in_place.problem_of(outcomes, "scaling configurations"),
            _in_place.result_of(outcomes, "scaling_configurations", "scaling_configuration_id"),
        ),
    )


def plan_present(
    api: Ecs,
    scaling: AutoScaling,
    regions: t.Sequence[str],
    ids: t.Optional[t.Sequence[str]],
    desired: Desired,
    workers: int,
) -> t.List[Change]:
    """Return the changes of the scaling configurations, sorted by region and ID.

    Raises:
        ValueError: A region cannot be read, or an ID does not exist.
        ApiError: The only region or the list of regions cannot be read.
    """
    survey = Survey(LaunchTemplates(api), api, workers)

    def read(region: str, limit: t.Optional[float]) -> t.List[Change]:
        found = [_configuration.parse_configuration(row, region) for row in scaling.configurations(region, ids, limit)]
        wanted = {it.image_id for it in found if it.image_id is not None}
        images = survey.images(region, wanted, limit, []) if desired.options.http_tokens == "required" else {}
        return [_configuration.plan_configuration(it, images, desired) for it in found]

    by_region = read_selected(api, regions, workers, read)
    changes = sorted((it for some in by_region.values() for it in some), key=lambda it: (it.region_id, it.item_id))
    check_found(ids, [it.item_id for it in changes], by_region, "scaling configurations", "scaling_configuration_ids")
    return changes


def plan_restore(scaling: AutoScaling, record: ConfigurationRecord, ids: t.Optional[t.Sequence[str]]) -> t.List[Change]:
    """Return the changes to the recorded options; raise RecordError, ApiError or ValueError."""
    entries = record.options()
    wanted = {name: it for name, it in entries.items() if ids is None or name in ids}
    missing = sorted(set(ids or ()) - set(wanted))
    if missing:
        raise ValueError("The record %s has no scaling configuration %s." % (record.path, ", ".join(missing[:5])))
    changes: t.List[Change] = []
    for region in sorted({region for region, _options in wanted.values()}):
        names = sorted(name for name, it in wanted.items() if it[0] == region)
        rows = scaling.configurations(region, names)
        found = {it.configuration_id: it for it in (_configuration.parse_configuration(row, region) for row in rows)}
        for name in names:
            if name in found:
                changes.append(_configuration.change_to(found[name], wanted[name][1]))
            else:
                unknown = TemplateOptions().as_dict()
                changes.append(
                    Change(name, region, unknown, unknown, "The scaling configuration does not exist anymore.")
                )
    return changes


def configuration_rows(
    scaling: AutoScaling, survey: Survey, region: str, limit: t.Optional[float]
) -> t.Tuple[t.List[_report.Result], t.List[str]]:
    """Return the judged scaling configurations of a region, and the errors of parts; raise ApiError."""
    errors: t.List[str] = []
    found = [_configuration.parse_configuration(row, region) for row in scaling.configurations(region, None, limit)]
    images = survey.images(region, {it.image_id for it in found if it.image_id is not None}, limit, errors)
    return [
        _report.item(
            "scaling_configuration",
            it.configuration_id,
            region,
            _configuration.judge_configuration(it, images),
            image_id=it.image_id,
            **it.columns,
            **it.options.as_dict(),
        )
        for it in found
    ], errors


def group_rows(
    scaling: AutoScaling, survey: Survey, region: str, limit: t.Optional[float]
) -> t.Tuple[t.List[_report.Result], t.List[str]]:
    """Return the judged scaling groups of a region that use a launch template, and the errors of parts; raise ApiError."""
    parsed = [_configuration.parse_group(row, region) for row in scaling.groups(region, limit)]
    groups = [it for it in parsed if it is not None]
    ids = sorted({it.template_id for it in groups})
    found, errors = survey.templates(region, ids, limit) if ids else ([], [])
    templates = {it.template.template_id: it for it in found}
    rows = []
    for group in groups:
        used = templates.get(group.template_id)
        number = _configuration.version_number(group, used.template) if used is not None else None
        version = used.versions.get(number or 0) if used is not None else None
        verdict = _configuration.judge_group(group, version, used.images if used is not None else None)
        options = version.options.as_dict() if version is not None else {}
        rows.append(
            _report.item(
                "scaling_group",
                group.group_id,
                region,
                verdict,
                name=group.name,
                version=number,
                active=group.active,
                launch_template_id=group.template_id,
                scaling_group_id=group.group_id,
                image_id=version.image_id if version is not None else None,
                **options,
            )
        )
    return rows, errors
