# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report in other languages: complete catalogs of texts, no text outside of them, and the page in Chinese."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path

import yaml
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._catalog import CATALOG
from ansible_collections.alicloud.imds.plugins.plugin_utils._report import (
    _hosts,
    _language,
    _options,
    _steps,
    _validation,
    _views,
    _words,
)
from ansible_collections.alicloud.imds.plugins.plugin_utils._report._page import page

from ....conftest import CHECKOUT
from .entries import finding, host, made

FOLDER = CHECKOUT / "plugins/plugin_utils/_report"
EN, ZH = (json.loads((FOLDER / f"page/words.{language}.json").read_text()) for language in ("en", "zh"))
FINDINGS = json.loads((FOLDER / "page/findings.zh.json").read_text())
CHINESE = _language.words("zh")


def placeholders(text: str) -> list[str]:
    return sorted(name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name)


def test_both_languages_have_the_same_texts() -> None:
    assert list(EN) == list(ZH) and len(EN) > 100
    assert {key for key in EN if placeholders(EN[key]) != placeholders(ZH[key])} <= {
        # "1 host" has no placeholder in English; nor has a Chinese text the same number of forms.
        key
        for key in EN
        if key.endswith(".one")
    }
    assert {key for key, text in ZH.items() if not text and EN[key] != " "} == set()


def test_findings_are_translated_from_the_catalog() -> None:
    """Code, versions and addresses are the same, so that a changed remedy is noticed."""
    disagreement = _views.disagreement("required", "optional")
    assert disagreement is not None
    kinds = {name: (it.title, it.impact, it.remedy) for name, it in CATALOG.items()}
    for it in (disagreement, _validation._INVALID, {**_validation._UNKNOWN}):
        kinds[it["id"]] = (it["title"], it["impact"], it["remedy"])
    assert sorted(FINDINGS) == sorted(kinds)
    exact = re.compile(r"`[^`]+`|https://[!-~]+|\d[\d.-]*\d")
    wrong = [
        (name, key, english)
        for name, texts in kinds.items()
        for key, english in zip(("title", "impact", "remedy"), texts)
        if sorted(exact.findall(english)) != sorted(exact.findall(FINDINGS[name][key]))
    ]
    assert wrong == []


def test_every_text_is_used_and_every_used_text_exists() -> None:
    sources = {path: path.read_text() for path in [*FOLDER.glob("*.py"), *FOLDER.glob("page/*.j2")]}
    code = "".join(sources.values())
    used = set(re.findall(r"\btexts?\(\s*\"([a-z_.]+)\"", code)) | set(
        re.findall(r"\"((?:findings|verdict)\.[a-z_.]+)\"", code)
    )
    used |= {"script." + key for key in re.findall(r"\btext\(\"([a-z_.]+)\"", (FOLDER / "page/report.js").read_text())}
    used -= {key for key in used if key.endswith((".", ".csv"))}
    stems = (
        "number.",
        "script.",
        "state.",
        "severity.",
        "filter.",
        "outcome.",
        "step.",
        "view.",
        "drift.",
        "title.",
        "verdict.",
        "future.kind.",
        "future.verdict.",
    )
    assert sorted(used - set(EN) - {"verdict.accepts", "verdict.unknown"}) == []
    assert sorted(key for key in set(EN) - used if not key.startswith(stems)) == []
    expected = {f"filter.{name}" for name in _words.FILTERS} | {f"outcome.{name}" for name in _options.OUTCOMES}
    expected |= {f"state.{name}{part}" for name in _hosts.STATES for part in ("", ".about")}
    expected |= {f"{part}severity.{name}" for part in ("", "script.") for name in (*_options.SEVERITIES, "waived")}
    assert expected <= set(EN)
    assert {key for key in EN if key.startswith(("filter.", "outcome.", "state.", "severity."))} <= expected


def literals(template: str) -> list[str]:
    """Return the words that a template writes itself: its text, and the values of attributes that people read."""
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|<code>.*?</code>", "", template, flags=re.DOTALL)
    text = re.sub(r"\{\{.*?\}\}", "", text, flags=re.DOTALL)
    shown = re.findall(r"(?:aria-label|placeholder|data-label|title)=\"([^\"]*)\"", text)
    return [
        it
        for part in [*shown, re.sub(r"<[^>]*>", " ", text)]
        for it in re.findall(r"[A-Za-z]{2,}", part)
        if it != "UTC"
    ]


def test_no_template_and_no_script_has_texts_of_its_own() -> None:
    assert literals('<p aria-label="All {{ x }}">{% if a %}None{% endif %}</p>') == ["All", "None"]
    assert {path.name: found for path in FOLDER.glob("page/*.j2") if (found := literals(path.read_text()))} == {}
    for path in FOLDER.glob("page/*.j2"):
        code = "".join(re.findall(r"\{[{%].*?[%}]\}", path.read_text(), re.DOTALL))
        strings = re.findall(r"\"([^\"]*)\"", code)
        assert [it for it in strings if re.search(r"[A-Z][a-z]|[a-z]{2} [a-z]{2}", it)] == [], path.name
    script = re.sub(r"/\*.*?\*/|//.*", "", (FOLDER / "page/report.js").read_text())
    assert re.findall(r"[\"'`][A-Z][a-z]+[ .\"'`]", script) == []


def test_the_titles_of_the_playbooks_are_translated() -> None:
    titles = set()
    for path in sorted(Path(CHECKOUT / "playbooks").glob("*.yml")):
        titles |= set(re.findall(r"imds_report_title: (.+)", path.read_text()))
    default = yaml.safe_load((CHECKOUT / "plugins/modules/report.py").read_text().split('"""')[1])["options"]["title"][
        "default"
    ]
    assert {*titles, default} == {text for key, text in EN.items() if key.startswith("title.")}


def test_the_page_in_chinese() -> None:
    ready = {"control_plane": {"verdict": "optional"}, "callers": [], "outcome": {"result": "rolled_back"}}
    before = made(host("web1", "optional", findings=[]), host("gone", "optional"))
    report = made(
        host(
            "web1",
            "optional",
            findings=[finding(id="cloud_init_too_old", severity="block"), finding(id="mine")],
            **ready,
        ),
        host("web2", "required"),
        before=before,
        title="Requiring tokens",
    )
    text = page(report, CHINESE)
    assert '<html lang="zh-CN">' in text and "<strong>2 台主机中有 1 台</strong>仍接受普通模式的请求" in text
    kind = FINDINGS["cloud_init_too_old"]
    for shown in (
        kind["title"],
        kind["impact"],
        "解决 1 台主机上阻断性的检查项",
        "消失的主机",
        "已回滚",
        "设为仅允许加固模式",
    ):
        assert shown in text
    assert CATALOG["cloud_init_too_old"].title not in text and "Requiring tokens" not in text
    assert _steps.lines(report, CHINESE)[0].startswith("1. 查看 1 台主机的上次执行情况：web1")
    assert _language.ENGLISH.document(report) is report and report["title"] == "Requiring tokens"
