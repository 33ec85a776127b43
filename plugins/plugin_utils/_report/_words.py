# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What does the page say in sentences? The verdict, the next steps, the names of states. No I/O; private to the collection."""

from __future__ import annotations

import re
import typing as t

from ._hosts import CALLED, CLOSED, EXEMPT, HELD, OFF, OPEN, READY, UNCHECKED, UNKNOWN
from ._text import counted
from ._views import DISAGREE

Totals = t.Mapping[str, t.Any]
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d(\.\d+)?)?(Z|\+00:00)")

STATES = {
    OPEN: ("Open", "answers without a token"),
    UNKNOWN: ("Unknown", "neither the API nor the host said"),
    EXEMPT: ("Exempt", "answers without a token, and may"),
    OFF: ("Off", "does not answer at all"),
    CLOSED: ("Tokens only", "refuses requests without a token"),
}
SEVERITIES = {"block": "Block", "warn": "Warn", "info": "Info"}
# Filters of the table of hosts: the word in each row, and its name
FAILED, PLAIN = "failed", "plain"
FILTERS = {
    OPEN: "Open",
    HELD: "Open, held up by findings",
    CALLED: "Open, programs read without a token",
    UNCHECKED: "Open, not checked yet",
    READY: "Open, ready to switch",
    DISAGREE: "API and host disagree",
    FAILED: "Last run failed",
    PLAIN: "Programs read without a token",
    UNKNOWN: "Unknown",
    EXEMPT: "Exempt",
    OFF: "Off",
    CLOSED: "Tokens only",
}


class Step(t.NamedTuple):
    """Something to do: what, why, a command if there is one, and the filter that shows the hosts."""

    title: str
    why: str
    hosts: int
    filter: str
    command: t.Optional[str] = None


def verdict(totals: Totals) -> t.Tuple[str, str]:
    """The one sentence, in two parts; the first is what to emphasise."""
    states, number = totals["states"], totals["hosts"]
    if not number:
        return "No hosts", "are in this report"
    if states[OPEN]:
        verb = "still answers" if number == 1 or states[OPEN] == 1 else "still answer"
        return "%s of %s" % (format(states[OPEN], ","), counted(number, "host")), verb + " without a token"
    if states[UNKNOWN]:
        known = "%s of %s" % (format(states[UNKNOWN], ","), counted(number, "host"))
        return known, "could not be judged; no other answers without a token"
    but = ", but for %s" % counted(states[EXEMPT], "exempt one") if states[EXEMPT] else ""
    if number == states[EXEMPT]:
        return "All %s" % counted(number, "host"), "may answer without a token: they are exempt"
    return "No host" if number > 1 else "The host", (
        "answers" if number > 1 else "does not answer"
    ) + " without a token" + but


def steps(totals: Totals, blocking: t.Sequence[t.Tuple[str, int]]) -> t.List[Step]:
    """What to do next, first things first. *blocking*: titles of blocking findings and on how many hosts each is."""
    return [it for it in (*_to_clear_up(totals), *_to_switch(totals, blocking)) if it.hosts]


def _to_clear_up(totals: Totals) -> t.Iterator[Step]:
    outcomes, apart = totals["outcomes"], totals["views_disagree"]
    failed = outcomes["failed"] + outcomes["rolled_back"] + outcomes["unreachable"]
    yield Step(
        "See why the last run failed on %s" % counted(failed, "host"),
        "It failed, was rolled back or could not reach them. The reason is in the details of each.",
        failed,
        FAILED,
    )
    yield Step(
        "Clear up %s whose API and host disagree" % counted(apart, "host"),
        "One of the two views is wrong. Until it is known which, neither proves anything.",
        apart,
        DISAGREE,
    )


def _to_switch(totals: Totals, blocking: t.Sequence[t.Tuple[str, int]]) -> t.Iterator[Step]:
    following, unknown = totals["next"], totals["states"][UNKNOWN]
    held = _listed(("%s (%s)" % (title, format(number, ",")) for title, number in blocking[:3]), len(blocking) - 3)
    yield Step("Solve what holds up %s" % counted(following[HELD], "host"), held, following[HELD], HELD)
    yield Step(
        "Look at the programs on %s" % counted(following[CALLED], "host"),
        "Nothing blocks the switch, but programs read without a token. They would fail.",
        following[CALLED],
        CALLED,
    )
    yield Step(
        "Check %s before switching" % counted(following[UNCHECKED], "open host"),
        "Nobody has looked yet whether anything on them would break.",
        following[UNCHECKED],
        UNCHECKED,
        "ansible-playbook alicloud.imds.audit",
    )
    yield Step(
        "Switch %s" % counted(following[READY], "host that is ready", "hosts that are ready"),
        "No blocking finding, and no program seen without a token.",
        following[READY],
        READY,
        "ansible-playbook alicloud.imds.harden",
    )
    yield Step(
        "Find out about %s" % counted(unknown, "unknown host"),
        "Neither the API nor the host said. Can they be reached, and are the permissions complete?",
        unknown,
        UNKNOWN,
    )


def time(text: t.Optional[str]) -> str:
    """An ISO 8601 time in UTC as people read it; anything else as it is."""
    matched = _TIME.fullmatch(text or "")
    return "%s %s" % matched.group(1, 2) if matched else text or ""


def _listed(texts: t.Iterable[str], more: int) -> str:
    return "; ".join([*texts, *(["%d more" % more] if more > 0 else [])]) + "."
