# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Convert what other modules return to entries of the report: evidence as text, callers by their best names. No I/O."""

from __future__ import annotations

import typing as t

from ._text import cut

Entry = t.Dict[str, t.Any]
_UNSET = ("instance_id", "region_id", "name", "control_plane", "in_guest", "findings", "callers", "fence", "batch")
_REASONS = {
    "unreachable": "The host was unreachable, or failed before it was examined.",
    "skipped": "The run ended before it reached this host.",
}


def unseen_host(name: str, result: str) -> Entry:
    """Return the entry of a host that was not examined. *result* is "unreachable" or "skipped"."""
    return {**dict.fromkeys(_UNSET), "host": name, "outcome": {"result": result, "reason": _REASONS[result]}}


def finding(given: t.Mapping[str, t.Any]) -> Entry:
    """Return a finding of preflight_info with its evidence and detail as one text."""
    evidence = given["evidence"]
    if isinstance(evidence, t.Mapping):
        evidence = ", ".join("%s: %s" % item for item in evidence.items() if item[1] is not None)
    text = " - ".join(str(part) for part in (evidence, given.get("detail")) if part)
    return {**{name: it for name, it in given.items() if name != "detail"}, "evidence": cut(text) or None}


def caller(given: t.Mapping[str, t.Any]) -> Entry:
    """Return a caller of preflight_info with the best known name as user, executable and unit."""
    source = given.get("source")
    uid = given.get("uid")
    names = {
        "user": given["user"] or (None if uid is None else str(uid)),
        "exe": given["exe"] or given.get("comm"),
        "unit": given.get("container") or given["unit"] or ("from " + source if source else None),
    }
    return {**{name: it for name, it in given.items() if name not in ("uid", "comm", "container", "source")}, **names}
