# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Future instances: launch templates, scaling configurations and images that create instances, and their verdicts. No I/O."""

from __future__ import annotations

import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._common._text import one_line
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning._verdict import VERDICTS

from ._text import cut

Part = t.Dict[str, t.Any]
MOST = 20_000  # resources, regions or errors in a report
KEYS = (
    *("kind", "id", "name", "region_id", "version", "default", "latest", "active", "scaling_group_id", "image_id"),
    *("http_endpoint", "http_tokens", "verdict", "reason"),
)
FAILING = ("optional", "blocked_by_image", "unknown")
KIND: Part = {
    "id": "future_instances_non_compliant",
    "severity": "block",
    "title": "A launch template, scaling configuration or image creates instances that accept normal-mode requests, or may do so",
    "impact": "Nothing today. Instances that are created from it do not require tokens.",
    "remedy": "Use `alicloud.imds.launch_template_metadata_options`, `alicloud.imds.scaling_configuration_metadata_options` or"
    " `alicloud.imds.image_imds_support`.",
}
WORDS = {
    "optional": "permits normal mode",
    "blocked_by_image": "cannot require tokens because of its image",
    "unknown": "is unknown",
    "compliant": "requires tokens",
    "endpoint_disabled": "disables the metadata service",
}
_KINDS = {
    "launch_template": "launch template",
    "scaling_configuration": "scaling configuration",
    "scaling_group": "scaling group",
    "image": "image",
}
_INVALID = "A resource has an invalid form and was omitted."


def future(given: t.Any, before: t.Optional[t.Mapping[str, t.Any]]) -> t.Optional[Part]:
    """Return the part ``future`` of the document from a result of provisioning_info; None if no run has read the resources.

    Without a result, that of the report *before* is kept as the last known one. Whatever could not be read is in ``failed_regions`` or
    ``errors``.
    """
    if given and not (isinstance(given, dict) and given.get("skipped")):
        return {**_parts(given if isinstance(given, dict) else {}), "last_known": None}
    known = before.get("future") if before else None
    if before is None or not isinstance(known, dict):
        return None
    since = known.get("last_known")
    return {**_parts(known), "last_known": since if isinstance(since, str) else before["generated_at"]}


def failing(part: t.Optional[t.Mapping[str, t.Any]]) -> t.List[Part]:
    """Return the resources that create non-compliant instances, or may do so."""
    return [it for it in part["resources"] if it["verdict"] in FAILING] if part else []


def unread(part: t.Mapping[str, t.Any]) -> t.List[str]:
    """Return a line for everything that could not be read."""
    return [*("%(region_id)s: %(error)s" % it for it in part["failed_regions"]), *part["errors"]]


def label(row: t.Mapping[str, t.Any]) -> str:
    """Return kind, name, ID and version of a resource on one line."""
    names = [row["id"], *([row["name"]] if row["name"] and row["name"] != row["id"] else [])]
    text = "%s %s" % (_KINDS.get(row["kind"], row["kind"]), " ".join(names))
    return one_line(text if row["version"] is None else "%s version %s" % (text, row["version"]), 200)


def sentence(row: t.Mapping[str, t.Any]) -> str:
    """Return the verdict on a resource, with the reason."""
    text = "%s in %s %s." % (label(row), row["region_id"] or "an unknown region", WORDS[row["verdict"]])
    return "%s %s" % (text, row["reason"]) if row["reason"] else text


def _parts(given: t.Mapping[str, t.Any]) -> Part:
    resources, errors = [], [str(it) for it in _list(given.get("errors"))]
    for row in _list(given.get("resources")):
        if isinstance(row, dict) and isinstance(row.get("id"), str) and isinstance(row.get("kind"), str):
            resources.append(_row(row))
        elif isinstance(row, dict) and row.get("id") is None and isinstance(row.get("reason"), str):
            # all resources of a kind, which this run was not permitted to read
            kind = _KINDS.get(str(row.get("kind")), "resource")
            errors.append("%ss in %s: %s" % (kind, row.get("region_id"), row["reason"]))
        else:
            errors.append(_INVALID)
    failed = [
        {name: cut(str(it.get(name) or "unknown")) for name in ("region_id", "error")}
        for it in _list(given.get("failed_regions"))
        if isinstance(it, dict)
    ]
    if not isinstance(given.get("resources"), list) or (given.get("failed") and not failed):
        errors.append(str(given.get("msg") or "provisioning_info returned no result."))
    resources.sort(
        key=lambda it: (_place(it["verdict"]), *(str(it[key] or "") for key in ("region_id", "kind", "name", "id")))
    )
    return {
        "resources": resources,
        "failed_regions": failed,
        "errors": [cut(it) for it in dict.fromkeys(errors)],
        "totals": {name: sum(it["verdict"] == name for it in resources) for name in VERDICTS},
    }


def _row(given: t.Mapping[str, t.Any]) -> Part:
    row = {key: _value(given.get(key)) for key in KEYS}
    row["verdict"] = row["verdict"] if row["verdict"] in VERDICTS else "unknown"
    for key in ("name", "region_id", "reason"):
        row[key] = None if row[key] is None else str(row[key])
    return row


def _value(value: t.Any) -> t.Any:
    if isinstance(value, str):
        return cut(value)
    return value if isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**53) else None


def _place(verdict: str) -> int:
    return FAILING.index(verdict) if verdict in FAILING else len(FAILING)


def _list(value: t.Any) -> t.List[t.Any]:
    return value[:MOST] if isinstance(value, list) else []
