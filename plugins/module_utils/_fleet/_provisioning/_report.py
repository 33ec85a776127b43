# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the results of the modules. No I/O."""

import typing as t

from .._causes import grouped
from .._verdict import UNKNOWN, Verdict
from ._apply import Outcome
from ._plan import Change
from ._survey import Found
from ._verdict import VERDICTS, judge_image, judge_version

Result = t.Dict[str, t.Any]


def totals(rows: t.Iterable[Result]) -> t.Dict[str, int]:
    """Return the number of items by verdict."""
    counts = dict.fromkeys(VERDICTS, 0)
    for row in rows:
        counts[row["verdict"]] += 1
    return counts


def item(kind: str, item_id: str, region: str, verdict: Verdict, **more: t.Any) -> Result:
    """Return a resource of the result. Fields that its kind does not have are None."""
    fields = "name version default latest active scaling_group_id launch_template_id image_id http_endpoint http_tokens"
    empty = dict.fromkeys(fields.split())
    return {"kind": kind, "id": item_id, "region_id": region, **empty, **more, **verdict._asdict()}


def template_rows(found: Found) -> t.List[Result]:
    template = found.template
    rows = []
    for number in sorted({template.default_version, template.latest_version} - {0}) or [0]:
        version = found.versions.get(number)
        unread = Verdict(UNKNOWN, "The version could not be read.")
        rows.append(
            item(
                "launch_template",
                template.template_id,
                template.region_id,
                judge_version(version, found.images) if version is not None else unread,
                name=template.name,
                version=number or None,
                default=number == template.default_version,
                latest=number == template.latest_version,
                image_id=version.image_id if version is not None else None,
                **(version.options.as_dict() if version is not None else {}),
            )
        )
    return rows


def image_row(region: str, name: str, image: t.Mapping[str, t.Any]) -> Result:
    verdict = judge_image(name, image)
    return item("image", name, region, verdict, name=str(image.get("ImageName") or ""), image_id=name)


def unread_row(kind: str, region: str, error: Exception) -> Result:
    """Return the item for all resources of a kind in a region, which cannot be read."""
    fields = item(kind, "", region, Verdict(UNKNOWN, "The resources of this kind could not be read. %s" % error))
    return {**fields, "id": None}


def planned(changes: t.Sequence[Change]) -> t.List[Outcome]:
    """Return the outcomes that the changes would have."""
    return [
        Outcome(
            it,
            it.needed,
            it.version,
            it.version if it.needed and it.make_default and it.version else it.template.default_version,
            it.refusal,
        )
        for it in changes
    ]


def result_of(outcomes: t.Sequence[Outcome]) -> Result:
    """Return the result of the module: an item for each template, whether anything changed, totals, and the diff."""
    rows = [_outcome_row(it) for it in outcomes]
    failed = [it for it in outcomes if it.error is not None]
    changed = [it for it in outcomes if it.changed]
    ordered = sorted(rows, key=lambda row: row["error"] is None)
    return {
        "changed": bool(changed),
        "launch_templates": ordered,
        "totals": {
            "changed": len(changed),
            "unchanged": len([it for it in outcomes if not it.changed and it.error is None]),
            "refused": len([it for it in failed if it.change.refusal is not None]),
            "failed": len([it for it in failed if it.change.refusal is None]),
        },
        "diff": [_diff(row) for row in rows if row["changed"]],
    }


def problem_of(outcomes: t.Sequence[Outcome]) -> t.Optional[str]:
    """Return a message about the failed and refused templates, grouped by cause, or None."""
    errors = [(it.change.template.template_id, it.error) for it in outcomes if it.error is not None]
    if not errors:
        return None
    causes = grouped(((name, str(error)) for name, error in errors), "launch templates")
    return "%d of %d launch templates failed. %s" % (len(errors), len(outcomes), causes)


def _outcome_row(outcome: Outcome) -> Result:
    change = outcome.change
    template, base = change.template, change.base
    before = base.options.as_dict() if base is not None else {"http_endpoint": None, "http_tokens": None}
    after = change.options.as_dict() if change.options is not None else before
    return {
        "launch_template_id": template.template_id,
        "region_id": template.region_id,
        "name": template.name,
        "base_version": base.number if base is not None else None,
        "version": outcome.version,
        "creates_version": change.parameters is not None and change.refusal is None,
        "before": {"default_version": template.default_version, **before},
        "after": {"default_version": outcome.default_version, **(after if outcome.changed else before)},
        "changed": outcome.changed,
        "error": outcome.error,
    }


def _diff(row: Result) -> Result:
    header = "%s in %s" % (row["launch_template_id"], row["region_id"])
    return {
        "before_header": header,
        "after_header": header,
        "before": {**row["before"], "new_version": None},
        "after": {**row["after"], "new_version": (row["version"] or "created") if row["creates_version"] else None},
    }
