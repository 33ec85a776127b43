# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What other modules return, in the words of the report: evidence as text, a caller by its best names. Pure; private to the collection."""

from __future__ import annotations

import typing as t

Entry = t.Dict[str, t.Any]
_NOTHING = ("instance_id", "region_id", "name", "control_plane", "in_guest", "findings", "callers", "fence", "batch")
_REASONS = {
    "unreachable": "The host could not be reached, or failed before it could be looked at.",
    "skipped": "The run ended before it was this host's turn.",
}


def without_a_look(name: str, result: str) -> Entry:
    """The entry of a host of which nothing is known: *result* is "unreachable" or "skipped"."""
    return {**dict.fromkeys(_NOTHING), "host": name, "outcome": {"result": result, "reason": _REASONS[result]}}


def finding(given: t.Mapping[str, t.Any]) -> Entry:
    """A finding as preflight_info returns it, or with evidence that is text already."""
    evidence = given["evidence"]
    if isinstance(evidence, t.Mapping):
        evidence = ", ".join("%s: %s" % item for item in evidence.items() if item[1] is not None)
    text = " - ".join(str(part) for part in (evidence, given.get("detail")) if part)
    return {**{name: it for name, it in given.items() if name != "detail"}, "evidence": text or None}


def caller(given: t.Mapping[str, t.Any]) -> Entry:
    """A row of requests as preflight_info returns it; what has no name of its own is known by the next best one."""
    source = given.get("source")
    uid = given.get("uid")
    names = {
        "user": given["user"] or (None if uid is None else str(uid)),
        "exe": given["exe"] or given.get("comm"),
        "unit": given.get("container") or given["unit"] or ("from " + source if source else None),
    }
    return {**{name: it for name, it in given.items() if name not in ("uid", "comm", "container", "source")}, **names}
