# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Future instances: launch templates, scaling configurations and images that create instances, and their verdicts. No I/O."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._common._text import one_line
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning._verdict import VERDICTS

from ._language import Words
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
_SHOWN = 5  # lines about what could not be read, in a terminal
_LONGEST_NAME, _LONGEST_LINE = 75, 300
# They differ from run to run: without them, a report with the same content is the same report.
_OF_THE_RUN = re.compile(r" RequestId: [\w-]{1,64}\.?| \(gave up after \d{1,9} tries in \d{1,9} s\)")


def future(given: t.Any, before: t.Optional[t.Mapping[str, t.Any]]) -> t.Optional[Part]:
    """Return the part ``future`` of the document from a result of provisioning_info; None if no run has read the resources.

    Without a result, that of the report *before* is kept as the last known one. Whatever could not be read is in ``failed_regions`` or
    ``errors``; its resources in the report *before* are kept, with the time when they were read.
    """
    earlier = _earlier(before)
    if given and not (isinstance(given, dict) and given.get("skipped")):
        raw = given if isinstance(given, dict) else {}
        part = _parts(raw)
        read = [{**it, "last_known": None} for it in part["resources"]]
        return {**_bounded(part, [*read, *_kept(raw, part, read, earlier)]), "last_known": None}
    if earlier is None:
        return None
    part = _parts(earlier)
    return {**_bounded(part, part["resources"]), "last_known": earlier["last_known"]}


def _earlier(before: t.Optional[t.Mapping[str, t.Any]]) -> t.Optional[Part]:
    """Return the part ``future`` of the report *before*, with the time when it was read."""
    known = before.get("future") if before else None
    if before is None or not isinstance(known, dict):
        return None
    since = known.get("last_known")
    return {**known, "last_known": since if isinstance(since, str) else before["generated_at"]}


def _kept(
    given: t.Mapping[str, t.Any], part: Part, read: t.Iterable[Part], earlier: t.Optional[Part]
) -> t.Iterator[Part]:
    """Yield the resources of an earlier report that this run could not read. None of them may seem to be gone."""
    if earlier is None:
        return
    nothing_read = not isinstance(given.get("resources"), list)
    regions = {it["region_id"] for it in part["failed_regions"]}
    kinds = {
        (str(it.get("region_id")), str(it.get("kind")))
        for it in _list(given.get("resources"))
        if isinstance(it, dict) and it.get("id") is None
    }
    known = {(it["region_id"], it["kind"], it["id"]) for it in read}
    for it in _parts(earlier)["resources"]:
        unread = nothing_read or it["region_id"] in regions or (it["region_id"], it["kind"]) in kinds
        if unread and (it["region_id"], it["kind"], it["id"]) not in known:
            yield {**it, "last_known": it["last_known"] or earlier["last_known"]}


def failing(part: t.Optional[t.Mapping[str, t.Any]]) -> t.List[Part]:
    """Return the resources that create non-compliant instances, or may do so."""
    return [it for it in part["resources"] if it["verdict"] in FAILING] if part else []


def unread(part: t.Mapping[str, t.Any]) -> t.List[str]:
    """Return a line for everything that could not be read."""
    return [*("%(region_id)s: %(error)s" % it for it in part["failed_regions"]), *part["errors"]]


def label(row: t.Mapping[str, t.Any]) -> str:
    """Return kind, name, ID and version of a resource on one line."""
    names = [row["id"], *([row["name"]] if row["name"] and row["name"] != row["id"] else [])]
    names = [one_line(it, _LONGEST_NAME) for it in names]
    text = "%s %s" % (_KINDS.get(row["kind"], row["kind"]), " ".join(names))
    return one_line(text if row["version"] is None else "%s version %s" % (text, row["version"]), 200)


def sentence(row: t.Mapping[str, t.Any]) -> str:
    """Return the verdict on a resource, with the reason."""
    text = "%s in %s %s." % (label(row), row["region_id"] or "an unknown region", WORDS[row["verdict"]])
    return "%s %s" % (text, row["reason"]) if row["reason"] else text


def summary(part: t.Optional[t.Mapping[str, t.Any]], texts: Words, time: t.Callable[[str], str]) -> t.List[str]:
    """Return lines for a terminal: how many resources create non-compliant instances, and what could not be read."""
    if part is None:
        return []
    since = part["last_known"]
    title = texts("future.title") + (" (%s)" % texts("hosts.last_known", time=time(since)) if since else "")
    count = texts("future.count", number=format(len(failing(part)), ","), all=format(len(part["resources"]), ","))
    lines = unread(part)
    shown = ["   " + it for it in lines[:_SHOWN]]
    more = [texts("step.more_names", number=format(len(lines) - _SHOWN, ","))] if len(lines) > _SHOWN else []
    found = [title, "   " + count, *(["   " + texts("future.unread")] if lines else []), *shown, *more]
    return ["", *(one_line(it, _LONGEST_LINE) for it in found)]


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
        {name: _stable(str(it.get(name) or "unknown")) for name in ("region_id", "error")}
        for it in _list(given.get("failed_regions"))
        if isinstance(it, dict)
    ]
    if not isinstance(given.get("resources"), list) or (given.get("failed") and not failed):
        errors.append(str(given.get("msg") or "provisioning_info returned no result."))
    return {"resources": resources, "failed_regions": failed, "errors": list(dict.fromkeys(map(_stable, errors)))}


def _bounded(part: Part, resources: t.Iterable[Part]) -> Part:
    """Return *part* with these resources, those first that fail, and their number by verdict. What exceeds the limit is an error."""
    ordered = sorted(
        resources,
        key=lambda it: (_place(it["verdict"]), *(str(it[key] or "") for key in ("region_id", "kind", "name", "id"))),
    )
    found = {"failed_regions": part["failed_regions"], "errors": part["errors"], "resources": ordered}
    omitted = [
        "%d %s were omitted from the report." % (len(it) - MOST, name.replace("_", " "))
        for name, it in found.items()
        if len(it) > MOST
    ]
    kept = {name: it[:MOST] for name, it in found.items()}
    totals = {name: sum(it["verdict"] == name for it in kept["resources"]) for name in VERDICTS}
    return {**kept, "errors": list(dict.fromkeys(kept["errors"] + omitted)), "totals": totals}


def _stable(text: str) -> str:
    return cut(_OF_THE_RUN.sub("", text))


def _row(given: t.Mapping[str, t.Any]) -> Part:
    row = {key: _value(given.get(key)) for key in KEYS}
    since = given.get("last_known")
    row["last_known"] = cut(since) if isinstance(since, str) else None
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
    return value if isinstance(value, list) else []
