# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How does the report look as a page? One HTML file that needs nothing else. No I/O; private to the collection."""

from __future__ import annotations

import base64
import hashlib
import typing as t

from . import _page_hosts, _page_sections, _summary
from ._markup import Html, data, join, tag
from ._page_chart import legend, patterns, stacked
from ._page_script import SCRIPT
from ._page_style import STYLE
from ._text import counted
from ._words import STATES, time, verdict

Document = t.Mapping[str, t.Any]


def page(document: Document) -> str:
    hosts = _page_hosts.ordered(document["hosts"])
    found = _summary.findings(hosts)
    body = (
        patterns(),
        tag("a", "Skip to the hosts", href="#hosts", class_="skip"),
        _header(document),
        tag(
            "main",
            tag(
                "div",
                _page_sections.steps(document["totals"], found),
                _page_sections.drift(document["drift"]),
                class_="pair",
            ),
            _page_sections.regions(document["regions"]),
            _page_sections.findings(found),
            _page_sections.programs(_summary.programs(hosts)),
            _page_hosts.section_of_hosts(hosts),
        ),
        _footer(document),
        tag("script", data([_page_hosts.details(it) for it in hosts]), type="application/json", id="data"),
        tag("script", Html(SCRIPT)),
    )
    return "<!DOCTYPE html>\n%s\n" % tag("html", _head(document), tag("body", *body), lang="en")


def _head(document: Document) -> Html:
    policy = "default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy % (_digest(STYLE), _digest(SCRIPT))),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", " ".join(verdict(document["totals"])), " - ", document["title"]),
        tag("style", Html(STYLE)),
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _header(document: Document) -> Html:
    totals = document["totals"]
    strong, rest = verdict(totals)
    spoken = ", ".join("%s %s" % (totals["states"][name], word.lower()) for name, (word, _why) in STATES.items())
    chart = (
        join(stacked(totals["states"], totals["hosts"], spoken), legend(totals["states"])) if totals["hosts"] else None
    )
    when = tag("time", time(document["generated_at"]), " UTC", datetime=document["generated_at"])
    return tag(
        "header",
        tag("p", tag("span", document["title"]), when, class_="kicker"),
        tag("h1", tag("strong", strong), " ", rest),
        chart,
    )


def _footer(document: Document) -> Html:
    control = document["control"]
    told = "%s judged by the rule %s (%s). The same as data: report.json, hosts.csv, findings.csv, junit.xml."
    return tag("footer", tag("p", told % (counted(len(document["hosts"]), "host"), control["id"], control["source"])))
