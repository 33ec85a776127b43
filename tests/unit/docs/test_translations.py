# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that the Chinese pages have the same headings, commands, names, links and tables as the English pages."""

from __future__ import annotations

from collections.abc import Callable
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path

import pytest

from .outline import Section, markdown, rst

REPOSITORY = (
    "https://github.com/alicloud-imds/alicloud.imds/blob/main/"  # links of README.md: Galaxy displays it elsewhere
)
CHECKOUT = Path(__file__).resolve().parents[3]
RST = Path("docs/docsite/rst")
PAGES = [
    (Path("README.md"), Path("README.zh-CN.md"), markdown),
    (RST / "five_minutes.rst", RST / "five_minutes.zh_CN.rst", rst),
]


def differences(english: list[Section], chinese: list[Section]) -> list[str]:
    """Describe each difference of the Chinese page in a sentence. Sections are paired by level, code and names."""
    found: list[str] = []
    matcher = SequenceMatcher(None, [one.likeness for one in english], [one.likeness for one in chinese], False)
    for _kind, first, last, their_first, their_last in matcher.get_opcodes():
        for ours, theirs in zip_longest(english[first:last], chinese[their_first:their_last]):
            if ours is None:
                found.append(f"section '{theirs.title}' has no counterpart in English")
            elif theirs is None:
                found.append(f"section '{ours.title}' (level {ours.level}) is missing")
            else:
                found += [f"section '{theirs.title}' ('{ours.title}'): {what}" for what in ours.differences(theirs)]
    return found


@pytest.mark.parametrize(("english", "chinese", "read"), PAGES, ids=lambda value: getattr(value, "name", ""))
def test_the_chinese_page_matches_the_english_page(
    english: Path, chinese: Path, read: Callable[[str], list[Section]]
) -> None:
    sections = read((CHECKOUT / english).read_text())
    assert len(sections) > 5
    theirs = read((CHECKOUT / chinese).read_text())
    for section in sections + theirs:
        # Each page links to the other one, and to guides in its own language.
        own = {link for name in (english, chinese) for link in (name.name, REPOSITORY + str(name))}
        section.links = {link.replace(".zh_CN.", ".") for link in section.links - own}
    problems = differences(sections, theirs)
    assert not problems, f"{chinese} differs from {english}:\n* " + "\n* ".join(problems)


MARKDOWN = "# A\n\nSee `x`, [y](z).\n\n```console\n$ a\n```\n\n| h | i |\n|---|---|\n| k | l |\n\n## B\n\nText.\n"
RST_PAGE = "Ahead\n=====\n\n.. why\n\n.. code-block:: console\n   :class: c\n\n   $ a\n\n   b\n\n``x``\n\nBelow\n-----\n\n`t <u>`\n"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("# A", "# 甲", None),
        ("| h |", "| 甲 |", None),
        ("| k |", "| m |", "the first column of its tables should be ['k'], but is ['m']"),
        ("$ a", "$ b", "code block 1 should be"),
        ("`x`", "x", "these names are missing: x"),
        ("(z)", "(w)", "these links are missing: z"),
        ("## B", "### B", "its heading should be of level 2, but is of level 3"),
        ("## B\n", "", "section 'B' (level 2) is missing"),
        ("# A", "# A\n\n# C\n\n# A", "section 'A' has no counterpart in English"),
    ],
)
def test_differences_are_reported(old: str, new: str, problem: str | None) -> None:
    assert old in MARKDOWN
    found = differences(markdown(MARKDOWN), markdown(MARKDOWN.replace(old, new)))
    assert [problem in what for what in found[:1]] == ([True] if problem else [])


def test_sections_of_restructuredtext() -> None:
    first, second = rst(RST_PAGE)
    assert (first.level, first.names, second.level, second.links) == (1, {"x"}, 2, {"u"})
    assert first.code == [".. code-block:: console\n   :class: c\n\n   $ a\n\n   b"]
