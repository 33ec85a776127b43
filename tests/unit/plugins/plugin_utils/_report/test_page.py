# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page: its structure, read by a parser, and that no text gets out of its place."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._catalog import CATALOG
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._hosts import STATES
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._page import page
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._words import verdict
from hypothesis import example, given, settings

from .entries import HOSTILE, finding, host, made, sample
from .test_files import hostile

pytestmark = pytest.mark.slow

VOID = {"meta", "input", "br", "col", "wbr"}


class Page(HTMLParser):
    """Elements in order with their attributes, and the text of each; raises where one is closed that is not open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]


def test_structure() -> None:
    parsed = Page(page(made(*sample.three())))
    assert parsed.all("html") == [{"lang": "en"}] and len(parsed.all("h1")) == len(parsed.all("main")) == 1
    assert parsed.text("h2") == [
        *("What to do next", "What changed", "States by region"),
        *("Findings", "Normal-mode callers", "Hosts"),
    ]
    ids = [it["id"] for _name, it in parsed.elements if "id" in it]
    assert len(ids) == len(set(ids))
    assert all(it.get("aria-labelledby") in ids for it in parsed.all("section"))
    assert all(it.get("scope") in ("row", "col") for it in parsed.all("th"))
    assert [it["data-f"] for it in parsed.all("tr") if "data-f" in it] == [
        "non_compliant blocked normal_mode_callers",
        "non_compliant ready",
        "compliant",
    ]


def test_it_needs_nothing_from_anywhere() -> None:
    parsed = Page(page(made(*sample.three())))
    assert not {"link", "img", "iframe", "object", "form", "base"} & {name for name, _it in parsed.elements}
    assert {it["href"] for it in parsed.all("a")} == {"#hosts"}
    for _name, attributes in parsed.elements:
        assert not {"src", "style"} & set(attributes) and not any(it.startswith("on") for it in attributes)


def test_the_policy_admits_the_one_script_and_the_one_style() -> None:
    text = page(made(host()))
    (policy,) = (it["content"] for it in Page(text).all("meta") if "http-equiv" in it)
    for kind, tag in (("script-src", "script"), ("style-src", "style")):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")


def test_without_scripts_hosts_findings_and_callers_are_all_there() -> None:
    report = made(*sample.fleet(60, 0.5))
    visible = "".join(text for tag, text in Page(page(report)).texts if tag != "script")
    for one in report["hosts"]:
        assert one["host"] in visible
        for it in one["findings"]:
            assert all(it[key].replace("`", "") in visible for key in ("id", "title", "evidence", "remedy"))


def test_what_the_script_unfolds_is_in_the_page() -> None:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page(made(*sample.three())))
    told = json.loads(text)
    assert [it["host"] for it in told] == ["billing1", "web1", "db1"]
    assert told[0]["findings"][0]["id"] == "python_credentials_too_old" and "outcome" not in told[0]


def shape(parsed: Page) -> list[tuple[str, list[str]]]:
    """The elements and the names of their attributes, without breaks after underscores and code between backticks."""
    found = [(name, sorted(it)) for name, it in parsed.elements]
    return [it for it in found if it not in (("wbr", []), ("code", []))]


@settings(max_examples=40)
@example("_")
@example("`code`")
@given(HOSTILE)
def test_no_text_makes_markup(text: str) -> None:
    plain, attacked = Page(page(made(hostile("x"), title="x"))), Page(page(made(hostile(text), title=text)))
    # an empty text shows less, but never more, and nothing shows other elements
    if text:
        assert shape(attacked) == shape(plain) or not text.strip()
    assert len(attacked.all("script")) == 2
    for _tag, it in attacked.texts:
        assert all(one.isprintable() or one == "\n" for one in it)


@pytest.mark.parametrize(
    ("states", "sentence"),
    [
        ({}, "No hosts are in this report"),
        ({"non_compliant": 37, "compliant": 963}, "37 of 1,000 hosts still accept normal-mode requests"),
        ({"non_compliant": 1, "compliant": 2}, "1 of 3 hosts still accepts normal-mode requests"),
        ({"non_compliant": 1, "unknown": 1}, "At least 1 of 2 hosts still accepts normal-mode requests"),
        ({"unknown": 2, "compliant": 8}, "2 of 10 hosts have an unknown mode; no other accepts normal-mode requests"),
        ({"compliant": 10}, "No host accepts normal-mode requests"),
        ({"compliant": 1}, "The host does not accept normal-mode requests"),
        ({"compliant": 9, "exempt": 1}, "No host accepts normal-mode requests, except 1 exempt host"),
        ({"exempt": 2}, "All 2 hosts are exempt and accept normal-mode requests"),
        ({"exempt": 1}, "The host is exempt and accepts normal-mode requests"),
    ],
)
def test_the_verdict(states, sentence) -> None:
    known = {**dict.fromkeys(STATES, 0), **states}
    assert " ".join(verdict({"hosts": sum(states.values()), "states": known, "last_known": 0})) == sentence
    kept = " ".join(verdict({"hosts": sum(states.values()), "states": known, "last_known": 1}))
    assert kept == (sentence + ", by the last known state of 1 host" if states else sentence)


def test_what_to_do_next_comes_in_order() -> None:
    report = made(
        host("a", "optional", findings=[finding()]),
        host("b", "optional", findings=[], callers=[]),
        host("c", "required", "optional", outcome={"result": "failed"}),
    )
    assert Page(page(report)).text("h3")[:4] == [
        "Review the last run on 1 host",
        "Resolve the disagreement between API and host on 1 host",
        "Resolve the blocking findings on 2 hosts",
        "Require tokens on 1 host",
    ]


def test_an_empty_fleet_has_a_page_too() -> None:
    assert "No hosts" in Page(page(made())).text("strong")


def test_impact_and_remedy_are_shown_with_code() -> None:
    text = page(made(host(findings=[finding(impact="`web` fails.", remedy="Run `upgrade <now>`.")])))
    assert '<p class="impact"><code>web</code> fails.</p>' in text
    assert '<p class="remedy">Run <code>upgrade &lt;now&gt;</code>.</p>' in text


def test_the_cells_that_become_cards_name_their_columns() -> None:
    """In narrow windows the heads of columns are not beside the cells."""
    parsed = Page(page(made(*sample.fleet(30, 0.5))))
    heads = {text for tag, text in parsed.texts if tag == "th"}
    labels = {it["data-label"] for it in parsed.all("td") if "data-label" in it}
    assert labels - {"Callers"} <= heads


def test_the_sample_has_findings_of_the_catalog() -> None:
    found = [it for one in sample.fleet(1000, 0.5) for it in one["findings"] or ()]
    assert {it["id"] for it in found} == set(sample.EVIDENCE) <= set(CATALOG)
    assert {it["severity"] for it in found} == {"block", "warn", "info"}
    for it in found:
        keys = ("severity", "title", "impact", "remedy")
        assert [it[key] for key in keys] == [getattr(CATALOG[it["id"]], key) for key in keys]
