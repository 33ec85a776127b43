# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sentences of the page in a language: the verdict, the names of states and filters, what changed. No I/O."""

from __future__ import annotations

import re
import typing as t

from . import _hosts
from ._hosts import (
    BLOCKED,
    COMPLIANT,
    DISABLED,
    EXEMPT,
    HAS_CALLERS,
    NON_COMPLIANT,
    NOT_CHECKED,
    NOT_MANAGED,
    NOT_WATCHED,
    READY,
    UNKNOWN,
)
from ._language import ENGLISH, Words
from ._views import DISAGREE

Totals = t.Mapping[str, t.Any]
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d(\.\d+)?)?(Z|\+00:00)")

# Filters of the table of hosts that are neither a state nor a next step
FAILED, CALLERS, NOT_ECS, LAST_KNOWN = "failed", "normal_mode_callers", "not_ecs", "last_known"
# Outcomes of hosts that are no ECS instances with a metadata service that Ansible can change
_NOT_ECS = ("not_ecs", "unsupported")
FILTERS = (
    *(NON_COMPLIANT, BLOCKED, HAS_CALLERS, NOT_CHECKED, NOT_WATCHED, READY, DISAGREE, FAILED, NOT_MANAGED, NOT_ECS),
    *(LAST_KNOWN, CALLERS, UNKNOWN, EXEMPT, DISABLED, COMPLIANT),
)


def states(texts: Words = ENGLISH) -> t.Dict[str, t.Tuple[str, str]]:
    """Return the title and the description of each state."""
    return {name: (texts("state." + name), texts("state.%s.about" % name)) for name in _hosts.STATES}


def verdict(totals: Totals, texts: Words = ENGLISH) -> t.Tuple[str, str]:
    """Return the headline in two parts; the first is emphasized."""
    if not totals["hosts"]:
        return texts("verdict.empty"), texts("verdict.empty.rest")
    subject, predicate = _judgment(totals["states"], totals["hosts"], texts)
    kept = totals["last_known"]
    if kept:
        predicate = texts("verdict.last_known", rest=predicate, hosts=texts.counted(kept, "host"))
    return subject, predicate


def _judgment(states: t.Mapping[str, int], number: int, texts: Words) -> t.Tuple[str, str]:
    hosts = texts.counted(number, "host")
    for state, predicate in ((NON_COMPLIANT, "verdict.accepts"), (UNKNOWN, "verdict.unknown")):
        if states[state]:
            least = ".at_least" if state == NON_COMPLIANT and states[UNKNOWN] else ""
            subject = texts("verdict.share" + least, number=format(states[state], ","), hosts=hosts)
            return subject, texts("%s.%s" % (predicate, "one" if number == 1 or states[state] == 1 else "other"))
    form = "one" if number == 1 else "other"
    if number == states[EXEMPT]:
        return texts("verdict.exempt." + form, hosts=hosts), texts("verdict.exempt.%s.rest" % form)
    if states[EXEMPT]:
        exempt = texts.counted(states[EXEMPT], "exempt_host")
        return texts("verdict.refuses.other"), texts("verdict.refuses.except", hosts=exempt)
    return texts("verdict.refuses." + form), texts("verdict.refuses.%s.rest" % form)


def changes(drift: t.Optional[t.Mapping[str, t.Any]], texts: Words = ENGLISH) -> t.List[t.Tuple[str, t.List[str]]]:
    """Return what changed since the last report: titles, and a line per host or finding."""
    if drift is None:
        return []
    modes = [
        texts("drift.mode", view=texts("view." + it["view"]), **{key: it[key] for key in ("host", "before", "after")})
        for it in drift["changed_modes"]
    ]
    lists: t.Dict[str, t.List[str]] = {
        "new_hosts": drift["new_hosts"],
        "vanished_hosts": drift["vanished_hosts"],
        "changed_modes": modes,
    }
    for name in ("new_findings", "solved_findings"):
        lists[name] = [texts("drift.finding", host=it["host"], title=it["title"]) for it in drift[name]]
    return [(texts("drift." + name), rows) for name, rows in lists.items()]


def filters(host: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """Yield the names of the filters that show *host*."""
    yield host["state"]
    if host["next"]:
        yield host["next"]
    if not host["managed"] and host["next"] != NOT_MANAGED:
        yield NOT_MANAGED
    if host["last_known"]:
        yield LAST_KNOWN
    if host["outcome"] and host["outcome"]["result"] in _NOT_ECS and host["state"] == UNKNOWN:
        yield NOT_ECS
    if any(it["id"] == DISAGREE for it in host["findings"]):
        yield DISAGREE
    if host["outcome"] and host["outcome"]["result"] in ("failed", "rolled_back", "unreachable"):
        yield FAILED
    if _hosts.normal_mode_callers(host):
        yield CALLERS


def time(text: t.Optional[str]) -> str:
    """Return an ISO 8601 time in UTC without seconds and zone; any other text unchanged."""
    matched = _TIME.fullmatch(text or "")
    return "%s %s" % matched.group(1, 2) if matched else text or ""
