# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make lint` reports banned phrases where people read them, names the replacement, and accepts marked exceptions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]

pytest.importorskip("tomllib", reason="tests/tools/banned_phrases.py needs Python 3.11")

import banned_phrases  # noqa: E402
from banned_phrases import Checker, Rule  # noqa: E402

RULES = [
    Rule("normal-mode request", ("plain read*", "insist*", "*_plain")),
    Rule("security hardening mode", ("security-enhanced mode",), once_after="formerly"),
    Rule("normal_mode", ("without_token",), "names"),
    Rule("Desired", ("Wish",), "code"),
]


def lines(text: str, name: str = "page.md") -> list[tuple[int, str]]:
    return [(finding.line, finding.phrase) for finding in Checker(RULES).check(Path(name), text)]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "page.md",
            "A Plain read.\nAll plain reads insisted.",
            [(1, "plain read"), (2, "insisted"), (2, "plain reads")],
        ),
        ("page.md", "the first plain\n  read of all", [(1, "plain read")]),
        ("page.md", "Content-Type: text/plain, readable; a plane read; reads plain", []),
        ("tasks.yml", "- name: plain read  # plain\n  # read", [(1, "plain read"), (1, "plain read")]),
        ("code.py", "x = plain.read()\nplain = read\n", []),
        ("code.py", 'x = "a plain read"  # insist\n', [(1, "insist"), (1, "plain read")]),
        ("code.py", 'x = ("a plain "\n     "read")\n', [(1, "plain read")]),
        ("code.py", 'x = ("plain", "read")\n', []),
        ("code.py", '"""One.\n\nA plain read."""\n', [(3, "plain read")]),
        ("code.py", "# plain\ny = 1  # read\n", []),
        ("code.py", "without_token = 1\nlast_without_token = 2\n", [(1, "without_token")]),
        ("code.py", "class Wish: ...  # a Wish\nwish = Wish()\n", [(1, "Wish"), (2, "Wish")]),
        ("page.md", "The finding `oss_plain`, not `_plain` or `plain`.", [(1, "oss_plain")]),
    ],
)
def test_a_phrase_is_found_where_it_counts(name: str, text: str, expected: list[tuple[int, str]]) -> None:
    assert lines(text, name) == expected


@pytest.mark.parametrize(
    "text",
    [
        "upstream's plain read <!-- allow-phrase: plain read -->",
        ".. allow-phrase: plain read\nupstream's plain read",
    ],
)
def test_an_exception_is_marked_on_the_line_or_before_it(text: str) -> None:
    assert lines(text) == []
    assert lines(text + "\n\nplain read") != []
    assert lines(text.replace("allow-phrase: plain read", "allow-phrase: another")) != []


def test_the_former_name_is_allowed_once_in_a_page_as_such() -> None:
    once = 'hardening mode (formerly "security-enhanced mode")\n'
    assert lines(once) == []
    assert lines("security-enhanced mode") == [(1, "security-enhanced mode")]
    assert lines(once + once) == [(2, "security-enhanced mode")]


def test_a_finding_names_the_place_the_phrase_and_the_replacement() -> None:
    (finding,) = Checker(RULES).check(Path("docs/page.md"), "\nplain read")
    assert str(finding) == 'docs/page.md:2: "plain read": normal-mode request'


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("docs/a.md", True),
        ("docs/sub/a.md", False),
        ("tests/a/b.py", True),
        ("Makefile", True),
        ("other/Makefile", False),
    ],
)
def test_a_listed_path_is_a_file_a_pattern_or_a_folder(name: str, expected: bool) -> None:
    assert banned_phrases.listed(Path(name), ["docs/*.md", "tests/", "Makefile"]) is expected


def test_every_phrase_of_the_list_is_found_by_its_own_rule() -> None:
    rules = banned_phrases.load_rules()
    checker = Checker(rules)
    for rule in rules:
        for phrase in rule.phrases:
            text = re.sub(r"\B\*|\*\B", "x", phrase)
            name = "code.py" if rule.scope == "code" else "page.md"
            assert rule.advice in {finding.advice for finding in checker.check(Path(name), text + "\n")}, phrase


def test_history_is_exempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    names = [Path("CHANGELOG.md"), Path("docs/one.md"), Path("docs/two.md")]
    (tmp_path / "docs").mkdir()
    for name in names:
        (tmp_path / name).write_text("The service of the one address.\n")
    monkeypatch.setattr(banned_phrases, "CHECKOUT", tmp_path)
    monkeypatch.setattr(banned_phrases, "files", lambda: names)

    def printed(*words: str) -> list[str]:
        assert banned_phrases.main(list(words)) == 1
        return capsys.readouterr().out.splitlines()

    text = '"the service of the one address": instance metadata service (IMDS), or the metadata service'
    assert printed() == [f"docs/one.md:1: {text}", f"docs/two.md:1: {text}"]
    assert printed(str(tmp_path / "docs/two.md")) == [f"docs/two.md:1: {text}"]
    assert printed("--count") == ["    2  docs", "    2  in all"]
    (tmp_path / "docs/two.md").write_text("The metadata service.\n")
    (tmp_path / "docs/one.md").write_text("The metadata service.\n")
    assert banned_phrases.main([]) == 0
    assert capsys.readouterr().out == ""
