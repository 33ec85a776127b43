# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands above the table of hosts? Next steps, drift, regions, findings, programs. No I/O; private to the collection."""

from __future__ import annotations

import typing as t

from . import _words
from ._hosts import STATES
from ._markup import Child, Html, tag
from ._page_chart import stacked
from ._text import counted

Group = t.Mapping[str, t.Any]
_MOST = 200  # hosts of a finding, programs: more are in the other files
_FEW = 12


def section(name: str, title: str, *children: Child, note: t.Optional[str] = None) -> Html:
    heading = tag("h2", title, tag("small", note) if note else None, id=name)
    return tag("section", heading, *children, aria_labelledby=name, class_=name)


def steps(totals: Group, groups: t.Sequence[Group]) -> Html:
    left = [(it["title"], len(it["hosts"]) - it["waived_hosts"]) for it in groups if it["severity"] == "block"]
    blocking = [(title, number) for title, number in left if number]
    items = [
        tag(
            "li",
            tag("h3", it.title),
            tag("p", it.why, " ", tag("a", "Show %s" % counted(it.hosts, "host"), href="#hosts", data_pick=it.filter)),
            tag("p", tag("code", it.command), class_="command") if it.command else None,
        )
        for it in _words.steps(totals, blocking)
    ]
    return section(
        "next", "What to do next", tag("ol", items) if items else tag("p", "Nothing. Look again after changes.")
    )


def drift(found: t.Optional[Group]) -> Html:
    if found is None:
        return section(
            "drift", "What changed", tag("p", "This is the first report here. The next one will be compared with it.")
        )
    modes = [
        "%s: %s to %s (%s)"
        % (it["host"], it["before"], it["after"], "API" if it["view"] == "control_plane" else "host")
        for it in found["changed_modes"]
    ]
    rows = (
        ("New hosts", found["new_hosts"]),
        ("Vanished hosts", found["vanished_hosts"]),
        ("Changed modes", modes),
        ("New findings", ["%s: %s" % (it["host"], it["title"]) for it in found["new_findings"]]),
        ("Solved findings", ["%s: %s" % (it["host"], it["title"]) for it in found["solved_findings"]]),
    )
    lists = [tag("li", _folded(title, names)) for title, names in rows]
    return section("drift", "What changed", tag("ul", lists), note="since %s UTC" % _words.time(found["since"]))


def _folded(title: str, names: t.Sequence[str]) -> Html:
    head = (tag("b", format(len(names), ",")), " ", title)
    if not names:
        return tag("div", head, class_="none")
    return tag("details", tag("summary", head), _names(names, _MOST))


def _names(names: t.Sequence[str], most: int) -> Html:
    more = len(names) - most
    extra = tag("li", "and %s more, in report.json" % format(more, ",")) if more > 0 else None
    return tag("ul", [tag("li", tag("bdi", it)) for it in names[:most]], extra, class_="names")


def regions(rows: t.Sequence[Group]) -> Html:
    largest = max((it["hosts"] for it in rows), default=1)
    present = [name for name in STATES if any(it["states"][name] for it in rows)]
    head = ["Region", "Modes", *(_words.STATES[name][0] for name in present), "Hosts"]
    body = [
        tag(
            "tr",
            tag(
                "th", tag("a", it["region_id"] or "no region", href="#hosts", data_region=it["region_id"]), scope="row"
            ),
            tag("td", stacked(it["states"], largest), class_="chart"),
            [tag("td", _number(it["states"][name]), class_="n") for name in present],
            tag("td", _number(it["hosts"]), class_="n"),
        )
        for it in rows
    ]
    head_cells = [tag("th", it, scope="col", class_=None if it in ("Region", "Modes") else "n") for it in head]
    table = tag("table", tag("thead", tag("tr", head_cells)), tag("tbody", body))
    return section("regions", "Modes per region", tag("div", table, class_="wide"))


def _number(value: int) -> Child:
    return format(value, ",") if value else tag("span", "0", class_="zero")


def findings(groups: t.Sequence[Group]) -> Html:
    if not groups:
        return section("findings", "Findings", tag("p", "None."))
    return section(
        "findings", "Findings", tag("ol", [tag("li", _finding(it)) for it in groups]), note="and how to solve them"
    )


def _finding(group: Group) -> Html:
    number, waived = len(group["hosts"]), group["waived_hosts"]
    left = counted(number, "host") + (
        ", %s waived" % ("all" if waived == number else format(waived, ",")) if waived else ""
    )
    evidence = [tag("li", tag("b", tag("bdi", host)), _evidence(it)) for host, it in group["hosts"][:_MOST]]
    more = number - _MOST
    extra = tag("li", "and %s more, in findings.csv" % format(more, ",")) if more > 0 else None
    return tag(
        "article",
        tag("p", severity(group["severity"], waived == number), class_="side"),
        tag("h3", group["title"], tag("code", group["id"])),
        tag("p", group["remedy"] or "No remedy is known.", class_="remedy"),
        tag("details", tag("summary", left), tag("ul", evidence, extra, class_="evidence")),
        tag("a", "Show in the table", href="#hosts", data_find=group["id"]),
    )


def _evidence(finding: Group) -> t.Iterator[Child]:
    if finding["evidence"]:
        yield tag("span", finding["evidence"])
    if finding["waived"]:
        until = "Waived until %s: %s" if finding["waiver_holds"] else "The waiver ended on %s: %s"
        yield tag("em", until % (finding["waived"]["expires"], finding["waived"]["reason"]))


def severity(name: str, waived: bool = False) -> Html:
    return tag("span", "Waived" if waived else _words.SEVERITIES[name], class_="tag " + ("waived" if waived else name))


def programs(groups: t.Sequence[Group]) -> Html:
    if not groups:
        return section("programs", "Programs that read without a token", tag("p", "None were seen, known noise aside."))
    head = [
        ("Program", None),
        ("Reads", None),
        ("Hosts", "n"),
        ("Requests", "n"),
        ("First seen", "d"),
        ("Last seen", "d"),
    ]
    body = [tag("tr", _program(it)) for it in groups[:_MOST]]
    more = len(groups) - _MOST
    extra = tag("p", "And %s more, in report.json." % format(more, ",")) if more > 0 else None
    heads = [tag("th", title, scope="col", class_=kind) for title, kind in head]
    table = tag("table", tag("thead", tag("tr", heads)), tag("tbody", body))
    note = "they fail once tokens are mandatory"
    return section("programs", "Programs that read without a token", tag("div", table, class_="wide"), extra, note=note)


def _program(group: Group) -> t.Iterator[Html]:
    about = " · ".join(filter(None, (group["unit"], group["user"])))
    find = group["exe"] or group["unit"] or group["user"]
    yield tag("th", tag("code", group["exe"] or "unknown program"), tag("small", about) if about else None, scope="row")
    yield tag("td", ", ".join(sorted(filter(None, group["paths"]))[:_FEW]))
    number = format(len(group["hosts"]), ",")
    yield tag("td", tag("a", number, href="#hosts", data_find=find) if find else number, class_="n")
    yield tag("td", format(group["count"], ","), class_="n")
    yield tag("td", _words.time(group["first_seen"]), class_="d")
    yield tag("td", _words.time(group["last_seen"]), class_="d")
