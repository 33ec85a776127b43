# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Select launch templates, and read chosen regions."""

import typing as t

from ..._openapi._ecs import Ecs
from ..._openapi._errors import ApiError
from ..._openapi._templates import LaunchTemplates
from .._causes import grouped
from .._select import ALL_REGIONS
from ._record import is_template_id
from ._survey import Found, Survey, read_each, regions_of

T = t.TypeVar("T")
Params = t.Mapping[str, t.Any]
Failures = t.Dict[str, ApiError]


def check_options(params: Params) -> None:
    """Raise ValueError for an invalid ID."""
    for name in params["launch_template_ids"] or ():
        if not is_template_id(name):
            raise ValueError(
                "%r in 'launch_template_ids' is not the ID of a launch template, such as lt-bp1abc." % name
            )


def select(api: Ecs, regions: t.Sequence[str], ids: t.Optional[t.Sequence[str]], workers: int) -> t.List[Found]:
    """Return the launch templates, sorted by region and ID.

    Raises:
        ValueError: A template or one of its parts cannot be read, or an ID does not exist.
        ApiError: The only region or the list of regions cannot be read.
    """
    survey = Survey(LaunchTemplates(api), api, workers)
    results = read_selected(api, regions, workers, lambda it, seconds: survey.templates(it, ids, seconds))
    found = [it for some, _errors in results.values() for it in some]
    check_found(ids, [it.template.template_id for it in found], results, "launch templates", "launch_template_ids")
    return sorted(found, key=lambda it: (it.template.region_id, it.template.template_id))


def read_selected(
    api: Ecs, regions: t.Sequence[str], workers: int, read: t.Callable[[str, t.Optional[float]], T]
) -> t.Dict[str, T]:
    """Return what *read* returns by region; raise ValueError, or with a single region ApiError, if one cannot be read."""
    chosen, limit = regions_of(api, regions)
    results, failures = read_each(chosen, limit, workers, read)
    if failures and len(chosen) == 1:
        raise failures[chosen[0]]
    problem = regions_problem(failures, len(chosen))
    if problem is not None:
        raise ValueError(problem + " To work without these regions, name the others in 'regions'. Nothing was changed.")
    return results


def check_found(
    ids: t.Optional[t.Iterable[str]], found: t.Iterable[str], regions: t.Iterable[str], what: str, option: str
) -> None:
    """Raise ValueError if some *ids* were not found. *what* is their plural, *option* the name of their option."""
    missing = sorted(set(ids or ()) - set(found))
    if missing:
        raise ValueError(
            "Cannot find %d %s in %s: %s. Check '%s' and 'regions'. Nothing was changed."
            % (len(missing), what, ", ".join(sorted(regions)), ", ".join(missing[:5]), option)
        )


def regions_problem(failures: Failures, number: int) -> t.Optional[str]:
    """Return a message about the regions that could not be read, or None."""
    if not failures:
        return None
    causes = grouped(((region, str(exc)) for region, exc in failures.items()), "regions")
    return "Cannot read %d of %d regions. %s" % (len(failures), number, causes)


def tolerates(params: Params, failures: Failures, number: int) -> bool:
    """Return whether failed regions are only a warning: with all regions and without ``fail_on``, if one could be read."""
    return ALL_REGIONS in params["regions"] and not params["fail_on"] and len(failures) < number
