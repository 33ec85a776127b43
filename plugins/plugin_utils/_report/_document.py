# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JSON form of the report: versioned, complete, and the source of the page and the other files. No I/O."""

from __future__ import annotations

import json
import re
import typing as t

from . import _drift, _hosts, _summary
from ._text import cut

FORMAT = 2
# Format 1 has other names of states; the keys that a comparison reads are the same.
COMPARABLE = (1, FORMAT)
CONTROL = {
    "id": "ecs-instance-meta-data-mode-check",
    "source": "Alibaba Cloud Config, managed rule",
    "title": "ECS instances allow metadata access in security hardening mode only",
}
_COMPARED = ("title", "control", "totals", "hosts", "future")

Document = t.Dict[str, t.Any]
_TEXTS = ("last_known", "region_id", "was_compliant")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d[0-9:.]{0,20}(Z|\+00:00)")


def document(
    title: str,
    entries: t.Iterable[t.Mapping[str, t.Any]],
    now: str,
    before: t.Optional[Document],
    inventory: t.Iterable[str] = (),
    future: t.Optional[Document] = None,
) -> t.Tuple[Document, bool]:
    """Return the report of *entries* at *now* (ISO 8601, UTC), and whether it differs from the report *before*.

    *future* is what `_future.future` returned. *inventory* are the names of all hosts, of which some may have no entry.

    A report that does not differ keeps the comparison of that report, so that running twice does not hide what changed.
    """
    hosts = _hosts.hosts(entries, now[:10])
    _drift.remember(before, hosts)
    absent = set(inventory).difference(it["host"] for it in hosts)
    made: Document = {
        "format": FORMAT,
        "generated_at": now,
        "title": cut(title),
        "control": CONTROL,
        "totals": _summary.totals(hosts, len(absent)),
        "regions": _summary.regions(hosts),
        "hosts": hosts,
        "future": future,
    }
    same = before is not None and all(before.get(key) == made[key] for key in _COMPARED)
    if before is None:
        made["drift"] = None
    else:
        made["drift"] = before.get("drift") if same else _drift.drift(before, hosts)
    return made, not same


def dumped(made: Document) -> str:
    return json.dumps(made, indent=1, sort_keys=True) + "\n"


def loaded(text: str) -> Document:
    """Parse the JSON form of a report.

    Raises:
        ValueError: *text* is not a fleet report, or one of an unknown format.
    """
    try:
        made = json.loads(text)
        if made["format"] not in COMPARABLE:
            raise ValueError("has format %s, not %d" % (made["format"], FORMAT))
        if not (_TIME.fullmatch(made["generated_at"]) and all(_is_host(host) for host in made["hosts"])):
            raise KeyError
        made["drift"] = _drift.valid(made["drift"])
    except (KeyError, TypeError, AttributeError, RecursionError, json.JSONDecodeError) as exc:
        raise ValueError("is not a fleet report") from exc
    document: Document = made
    return document


def _is_host(host: t.Mapping[str, t.Any]) -> bool:
    """Return whether the parts of a host that a comparison reads have the right types."""
    names = [
        host["host"],
        *host.get("not_understood", []),
        *(it[key] for it in host["findings"] for key in ("id", "severity", "title")),
    ]
    views = [host["control_plane"] or {}, host["in_guest"] or {"verdict": ""}]
    modes = [views[0].get(key) for key in ("http_tokens", "http_endpoint", "verdict")]
    return (
        all(isinstance(it, str) for it in [*names, views[1]["verdict"]])
        and all(it is None or isinstance(it, str) for it in [*modes, *(host.get(key) for key in _TEXTS)])
        and isinstance(host["checked"], bool)
    )
