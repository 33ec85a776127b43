# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and judge everything of all regions that creates instances."""

import typing as t

from ..._openapi._ecs import Ecs
from ..._openapi._errors import ApiError
from ..._openapi._scaling import AutoScaling
from ..._openapi._templates import LaunchTemplates
from .._causes import grouped
from ._configuration_operations import configuration_rows, group_rows
from ._report import Result, image_row, template_rows, unread_row
from ._survey import Survey, read_each, regions_of

Part = t.Tuple[t.List[Result], t.List[str]]
Reader = t.Callable[[str, t.Optional[float]], Part]


class Read(t.NamedTuple):
    """The judged items of regions, the failed regions, the errors of single items, and of parts that are not permitted.

    ``unread`` has the errors by region and kind. For each, ``items`` has one with the verdict unknown.
    """

    items: t.List[Result]
    failures: t.Dict[str, ApiError]
    errors: t.List[str]
    unread: t.Dict[t.Tuple[str, str], ApiError]
    regions: int


def read_all(api: Ecs, scaling: AutoScaling, params: t.Mapping[str, t.Any]) -> Read:
    """Read all regions. If only a part of a region fails, its other items are returned nevertheless.

    Raises:
        ValueError: A region ID is invalid.
        ApiError: The list of all regions cannot be read.
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

    readers: t.Dict[str, Reader] = {
        "launch_template": templates,
        "image": images,
        "scaling_configuration": lambda region, seconds: configuration_rows(scaling, survey, region, seconds),
        "scaling_group": lambda region, seconds: group_rows(scaling, survey, region, seconds),
    }
    parts = {kind: reader for kind, reader in readers.items() if kind in kinds}
    results, failures = read_each(chosen, limit, workers, lambda region, seconds: _read_region(parts, region, seconds))
    found = [results[region] for region in sorted(results)]
    return Read(
        [row for it in found for row in it.items],
        {**failures, **{region: exc for it in found for region, exc in it.failures.items()}},
        [error for it in found for error in it.errors],
        {place: exc for it in found for place, exc in it.unread.items()},
        len(chosen),
    )


def _read_region(parts: t.Mapping[str, Reader], region: str, seconds: t.Optional[float]) -> Read:
    """Read all parts of a region. A part that does not respond ends the region. Parts that are not permitted are unknown."""
    items: t.List[Result] = []
    errors: t.List[str] = []
    failures: t.Dict[str, ApiError] = {}
    unread: t.Dict[t.Tuple[str, str], ApiError] = {}
    for kind, part in parts.items():
        try:
            some, problems = part(region, seconds)
        except ApiError as exc:
            if exc.kind == "forbidden":
                unread[(region, kind)] = exc
                continue
            failures.setdefault(region, exc)
            if exc.kind == "transient":
                break
        else:
            items, errors = items + some, errors + [it for it in problems if it not in errors]
    if len(unread) == len(parts):
        return Read([], {region: next(iter(unread.values()))}, errors, {}, 1)
    items += [unread_row(kind, region, exc) for (region, kind), exc in unread.items()]
    return Read(items, failures, errors, unread, 1)


def unread_problem(unread: t.Mapping[t.Tuple[str, str], ApiError]) -> t.Optional[str]:
    """Return a message about the parts that are not permitted, grouped by cause, or None."""
    if not unread:
        return None
    causes = grouped((("%s in %s" % (kind, region), str(exc)) for (region, kind), exc in unread.items()), "kinds")
    return "Not permitted to read some kinds of resources, so that their verdict is unknown. %s" % causes
