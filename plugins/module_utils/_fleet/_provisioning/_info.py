# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and judge everything of all regions that creates instances."""

import typing as t

from ..._openapi._ecs import Ecs
from ..._openapi._errors import ApiError
from ..._openapi._scaling import AutoScaling
from ..._openapi._templates import LaunchTemplates
from ._configuration_operations import configuration_rows, group_rows, read_parts
from ._report import Result, image_row, template_rows
from ._survey import Survey, read_each, regions_of

Part = t.Tuple[t.List[Result], t.List[str]]


def read_all(
    api: Ecs, scaling: AutoScaling, params: t.Mapping[str, t.Any]
) -> t.Tuple[t.List[Result], t.Dict[str, ApiError], t.List[str], int]:
    """Return the judged items of all regions, the failed regions, the errors of parts, and the number of regions.

    If only a part of a region fails, its other items are returned nevertheless.
    """
    workers, kinds = params["max_concurrency"], params["kinds"]
    chosen, limit = regions_of(api, params["regions"])
    survey = Survey(LaunchTemplates(api), api, workers)

    def templates(region: str, seconds: t.Optional[float]) -> Part:
        found, errors = survey.templates(region, params["launch_template_ids"], seconds)
        return [row for it in found for row in template_rows(it)], errors

    def images(region: str, seconds: t.Optional[float]) -> Part:
        found = survey.own_images(region, seconds)
        return [image_row(region, name, image) for name, image in sorted(found.items())], []

    readers: t.Dict[str, t.Callable[[str, t.Optional[float]], Part]] = {
        "launch_template": templates,
        "image": images,
        "scaling_configuration": lambda region, seconds: configuration_rows(scaling, survey, region, seconds),
        "scaling_group": lambda region, seconds: group_rows(scaling, survey, region, seconds),
    }

    def read(region: str, seconds: t.Optional[float]) -> t.Tuple[t.List[Result], t.List[str], t.Optional[ApiError]]:
        parts = [reader for kind, reader in readers.items() if kind in kinds]
        return read_parts([lambda reader=it: reader(region, seconds) for it in parts])  # type: ignore[misc]

    results, failures = read_each(chosen, limit, workers, read)
    partly = {region: it[2] for region, it in results.items() if it[2] is not None}
    rows = [row for region in sorted(results) for row in results[region][0]]
    errors = [error for region in sorted(results) for error in results[region][1]]
    return rows, {**failures, **partly}, errors, len(chosen)
