# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How does the page show the hosts? A table that can be read as it is, and the details that its script unfolds.

No I/O; private to the collection.
"""

from __future__ import annotations

import typing as t

from . import _words
from ._hosts import OPEN, PLAIN, STATES, plain_callers
from ._markup import Child, Html, shown, tag
from ._options import SEVERITIES
from ._page_chart import mark
from ._page_sections import section
from ._text import counted
from ._views import DISAGREE, control_mode, guest_mode

Host = t.Mapping[str, t.Any]
_HEAD = ("Host", "Region", "State", "By the API", "On the host", "Findings", "Without a token", "Fence", "Last run")
_FEW = 3
_MOST_CALLERS = 100
_FAILED = ("failed", "rolled_back", "unreachable")
_MODES = {"required": "tokens", "optional": "open", "disabled": "off"}
_NOTHING = "–"


def ordered(hosts: t.Iterable[Host]) -> t.List[Host]:
    """By state, the worst first, and name."""
    return sorted(hosts, key=lambda it: (STATES.index(it["state"]), it["host"]))


def section_of_hosts(hosts: t.Sequence[Host]) -> Html:
    heads = [tag("th", title, scope="col", aria_sort="ascending" if title == "State" else None) for title in _HEAD]
    table = tag(
        "table",
        tag("caption", "Every host, the open ones first", class_="hidden"),
        tag("thead", tag("tr", heads)),
        tag("tbody", [tag("tr", _cells(it), data_f=" ".join(_filters(it))) for it in hosts], id="rows"),
        id="table",
    )
    lost = "Searching, sorting and the details of a host need JavaScript. All that is known is in report.json as well."
    scroller = tag("div", table, class_="wide", role="region", aria_label="Table of hosts", tabindex=0)
    return section("hosts", "Hosts", _tools(hosts), tag("noscript", tag("p", lost)), scroller)


def _tools(hosts: t.Sequence[Host]) -> Html:
    numbers: t.Dict[str, int] = {}
    for host in hosts:
        for name in _filters(host):
            numbers[name] = numbers.get(name, 0) + 1
    picks = [
        tag("option", "%s (%s)" % (title, format(numbers[name], ",")), value=name)
        for name, title in _words.FILTERS.items()
        if name in numbers
    ]
    names = sorted({it["region_id"] for it in hosts if it["region_id"]})
    regions = [tag("option", name, value=name) for name in names]
    query = {"type": "search", "id": "query", "autocomplete": "off", "spellcheck": "false"}
    return tag(
        "div",
        tag("label", tag("span", "Search"), tag("input", placeholder="host, finding, program ...", **query)),
        tag("label", tag("span", "Show"), tag("select", tag("option", "All hosts", value=""), picks, id="pick")),
        tag("label", tag("span", "Region"), tag("select", tag("option", "All", value=""), regions, id="region")),
        tag("button", "Clear", type="button", id="clear", hidden=True),
        tag("output", id="count", aria_live="polite"),
        id="tools",
        hidden=True,
    )


def _filters(host: Host) -> t.Iterator[str]:
    yield host["state"]
    if host["next"]:
        yield host["next"]
    if any(it["id"] == DISAGREE for it in host["findings"]):
        yield DISAGREE
    if host["outcome"] and host["outcome"]["result"] in _FAILED:
        yield _words.FAILED
    if plain_callers(host):
        yield _words.PLAIN


def _cells(host: Host) -> t.Iterator[Html]:
    about = " · ".join(it for it in (host["instance_id"], host["name"]) if it and it != host["host"])
    control, guest = control_mode(host["control_plane"]), guest_mode(host["in_guest"])
    yield tag("th", tag("bdi", host["host"]), tag("small", about) if about else None, scope="row")
    yield tag("td", host["region_id"])
    yield tag("td", mark(host["state"]), _words.STATES[host["state"]][0], data_k=STATES.index(host["state"]))
    apart = "apart" if None not in (control, guest) and control != guest else None
    said = (host["in_guest"] or {}).get("verdict")
    yield _cell(_MODES.get(control or ""), apart)
    yield _cell(_MODES.get(said or "", said), apart)
    yield tag("td", *_finding_marks(host), data_k=_weight(host))
    yield _callers(host)
    yield _cell((host["fence"] or {}).get("mode"))
    result = (host["outcome"] or {}).get("result")
    yield _cell((result or "").replace("_", " "), "bad" if result in _FAILED else None)


def _cell(text: t.Optional[str], kind: t.Optional[str] = None) -> Html:
    return tag("td", text or _NOTHING, class_=kind if text else "q")


def _finding_marks(host: Host) -> t.Iterator[Child]:
    found = host["findings"]
    if not found:
        yield tag("span", _NOTHING if host["checked"] else "not checked", class_="q")
    for finding in found[:_FEW]:
        kind = "waived" if finding["waiver_holds"] else finding["severity"]
        yield tag("span", tag("span", kind + " ", class_="hidden"), finding["id"], class_="f " + kind)
    if len(found) > _FEW:
        yield tag("span", "+%d" % (len(found) - _FEW), class_="f more")


def _weight(host: Host) -> str:
    """Sorts by what blocks, then what warns; a host without findings before one that was not checked."""
    counts = [sum(it["severity"] == name and not it["waiver_holds"] for it in host["findings"]) for name in SEVERITIES]
    return "-".join("%03d" % (999 - it) for it in counts) + ("" if host["checked"] else "z")


def _callers(host: Host) -> Html:
    callers = plain_callers(host)
    if not callers:
        return tag("td", _NOTHING if host["callers"] is not None else "not watched", data_k="z", class_="q")
    last = max((it["last_seen"] or "" for it in callers), default="")
    kind = "called" if host["state"] == OPEN else None
    text = (counted(len(callers), "program"), tag("small", _words.time(last)) if last else None)
    return tag("td", text, data_k="%05d" % max(99999 - len(callers), 0), class_=kind)


def details(host: Host) -> t.Any:
    """What the script unfolds, without what is empty. It shows texts as texts; what is invisible is spelled out here."""
    callers = sorted(host["callers"] or (), key=lambda it: it["last_seen"] or "", reverse=True)
    callers.sort(key=lambda it: (it["mode"] != PLAIN, bool(it["noise"])))
    kept = {key: host[key] for key in ("host", "control_plane", "in_guest", "findings", "fence", "outcome", "batch")}
    seen = [
        dict(it, first_seen=_words.time(it["first_seen"]), last_seen=_words.time(it["last_seen"])) for it in callers
    ]
    kept["callers"] = seen[:_MOST_CALLERS]
    kept["more_callers"] = max(len(callers) - _MOST_CALLERS, 0)
    return _bare(kept)


def _bare(value: t.Any) -> t.Any:
    if isinstance(value, str):
        return shown(value, keep="\n")
    if isinstance(value, t.Mapping):
        return {shown(str(key)): _bare(it) for key, it in value.items() if it not in (None, "", [], {}, False)}
    return [_bare(it) for it in value] if isinstance(value, (list, tuple)) else value
