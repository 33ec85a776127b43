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
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._page import page
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._words import verdict
from hypothesis import given, settings

from .entries import HOSTILE, finding, host, made, sample
from .test_files import hostile

VOID = {"meta", "input", "br", "col"}


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
        *("What to do next", "What changed", "Modes per region"),
        *("Findings", "Programs that read without a token", "Hosts"),
    ]
    ids = [it["id"] for _name, it in parsed.elements if "id" in it]
    assert len(ids) == len(set(ids))
    assert all(it.get("aria-labelledby") in ids for it in parsed.all("section"))
    assert all(it.get("scope") in ("row", "col") for it in parsed.all("th"))
    assert [it["data-f"] for it in parsed.all("tr") if "data-f" in it] == ["open held plain", "open ready", "closed"]


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
    visible = " ".join(text for tag, text in Page(page(report)).texts if tag != "script")
    for one in report["hosts"]:
        assert one["host"] in visible
        for it in one["findings"]:
            assert all(it[key] in visible for key in ("id", "title", "evidence", "remedy"))


def test_what_the_script_unfolds_is_in_the_page() -> None:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page(made(*sample.three())))
    told = json.loads(text)
    assert [it["host"] for it in told] == ["billing1", "web1", "db1"]
    assert told[0]["findings"][0]["id"] == "credentials-python-too-old" and "outcome" not in told[0]


@settings(max_examples=40)
@given(HOSTILE)
def test_no_text_makes_markup(text: str) -> None:
    plain, attacked = Page(page(made(hostile("x"), title="x"))), Page(page(made(hostile(text), title=text)))
    # an empty text shows less, but never more, and nothing shows other elements
    if text:
        shape = [(name, sorted(it)) for name, it in plain.elements]
        assert [(name, sorted(it)) for name, it in attacked.elements] == shape or not text.strip()
    assert len(attacked.all("script")) == 2
    for _tag, it in attacked.texts:
        assert all(one.isprintable() or one == "\n" for one in it)


@pytest.mark.parametrize(
    ("states", "sentence"),
    [
        ({}, "No hosts are in this report"),
        ({"open": 37, "closed": 963}, "37 of 1,000 hosts still answer without a token"),
        ({"open": 1, "closed": 2}, "1 of 3 hosts still answers without a token"),
        ({"unknown": 2, "closed": 8}, "2 of 10 hosts could not be judged; no other answers without a token"),
        ({"closed": 10}, "No host answers without a token"),
        ({"closed": 1}, "The host does not answer without a token"),
        ({"closed": 9, "exempt": 1}, "No host answers without a token, but for 1 exempt one"),
        ({"exempt": 2}, "All 2 hosts may answer without a token: they are exempt"),
    ],
)
def test_the_verdict(states, sentence) -> None:
    known = {**dict.fromkeys(("open", "unknown", "exempt", "off", "closed"), 0), **states}
    assert " ".join(verdict({"hosts": sum(states.values()), "states": known})) == sentence


def test_what_to_do_next_comes_in_order() -> None:
    report = made(
        host("a", "optional", findings=[finding()]),
        host("b", "optional", findings=[]),
        host("c", "required", "optional", outcome={"result": "failed"}),
    )
    assert Page(page(report)).text("h3")[:4] == [
        "See why the last run failed on 1 host",
        "Clear up 1 host whose API and host disagree",
        "Solve what holds up 2 hosts",
        "Switch 1 host that is ready",
    ]


def test_an_empty_fleet_has_a_page_too() -> None:
    assert "No hosts" in Page(page(made())).text("strong")
