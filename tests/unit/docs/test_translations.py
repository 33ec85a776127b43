# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that each guide and README has a Chinese page with the same headings, commands, names, links, lists and tables.

The terms of the Chinese pages are those of the table in CONTRIBUTING.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path

import pytest

from .outline import Section, markdown, rst

REPOSITORY = "https://github.com/alicloud-imds/alicloud.imds/blob/main/"  # README.md: Galaxy displays it elsewhere
CHECKOUT = Path(__file__).resolve().parents[3]
RST = Path("docs/docsite/rst")
GUIDES = sorted(path.stem for path in (CHECKOUT / RST).glob("*.rst") if ".zh_CN" not in path.name)
READMES = sorted(path.relative_to(CHECKOUT).parent for path in CHECKOUT.glob("roles/*/README.md"))
PAGES = [
    *((RST / f"{name}.rst", RST / f"{name}.zh_CN.rst", rst) for name in GUIDES),
    *((folder / "README.md", folder / "README.zh-CN.md", markdown) for folder in [Path(), *READMES]),
]
DOCSITE = "ansible_collections.alicloud.imds.docsite."


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
    assert (CHECKOUT / chinese).is_file(), f"{english} has no translation {chinese}"
    sections = read((CHECKOUT / english).read_text())
    assert len(sections) > 3
    theirs = read((CHECKOUT / chinese).read_text())
    for section in sections + theirs:
        # Each page links to the other one, and to guides in its own language.
        own = {link for name in (english, chinese) for link in (name.name, REPOSITORY + str(name))}
        section.links = {re.sub(r"\.zh[_-]CN\b", "", link) for link in section.links - own} - {english.name}
    problems = differences(sections, theirs)
    assert not problems, f"{chinese} differs from {english}:\n* " + "\n* ".join(problems)


def test_chinese_guides_link_to_chinese_guides() -> None:
    wrong = []
    for name in GUIDES:
        text = (CHECKOUT / RST / f"{name}.zh_CN.rst").read_text()
        assert f"\n.. _{DOCSITE}{name}.zh_CN:\n" in text
        wrong += [(name, link) for link in re.findall(rf"<({DOCSITE}[^>]+)>`", text) if not link.endswith(".zh_CN")]
    assert wrong == []
    pages = [CHECKOUT / f"docs/docsite/sphinx/index{language}.rst" for language in ("", ".zh_CN")]
    tables = [sorted(re.findall(rf"^     - .*<({DOCSITE}[^>]+)>`", page.read_text(), re.MULTILINE)) for page in pages]
    assert [link + ".zh_CN" for link in tables[0]] == tables[1]
    assert len(tables[0]) > 10


def test_chinese_pages_use_the_terms_of_the_glossary() -> None:
    table = (CHECKOUT / "CONTRIBUTING.md").read_text().partition("| term | Chinese | not |\n|---|---|---|\n")[2]
    rows = [line.strip("|").split("|") for line in table.partition("\n\n")[0].splitlines()]
    wrong = {bad: row[1].strip() for row in rows for bad in row[2].strip().split(", ")}
    assert len(rows) > 20 and wrong["增强模式"] == "加固模式"
    catalogs = [path.relative_to(CHECKOUT) for path in CHECKOUT.glob("plugins/plugin_utils/_report/page/*.zh.json")]
    pages = [*(chinese for _english, chinese, _read in PAGES), RST.parent / "sphinx/index.zh_CN.rst", *catalogs]
    texts = {page: (CHECKOUT / page).read_text() for page in pages}
    found = [f"{page}: {bad}, use {good}" for page, text in texts.items() for bad, good in wrong.items() if bad in text]
    assert found == []
    everything = "".join(texts.values())
    assert not re.findall("[\u2018\u2019\u201c\u201d]", everything), (
        "ansible-test refuses these quotes: emphasize the words instead"
    )
    unused = [row[1].strip() for row in rows if row[1].strip().partition("（")[0] not in everything]
    assert unused == []


MARKDOWN = """# A

See `x`, [y](z).

```console
$ a
```

| h | i |
|---|---|
| `k` | after 5 s |

## B

Text, 2 times.

* one
* two
"""
RST_PAGE = """Ahead
=====

.. why

.. code-block:: console
   :class: c

   $ a

   b

``x``

.. list-table::
   :header-rows: 1

   * - H
     - I
   * - ``k``
     - from 2 to 3

.. warning::

   Careful.

.. _l:

Below
-----

#. `t <u>`
#. :ref:`v <w>`
"""


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("# A", "# 甲", None),
        ("| h |", "| 甲 |", None),
        ("after 5 s", "五", "table 1, row 2 should have the cells ['k', '5'], but has ['k', '']"),
        ("after 5 s |", "5 | x |", "table 1, row 2 should have the cells"),
        ("| `k` | after 5 s |\n", "", "table 1, there should be 2 rows, but there are 1"),
        ("\n|---|---|\n| `k`", "\n\n| `k`", "there should be 1 tables, but there are 2"),
        ("* two\n", "", "there should be 2 list items, but there are 1"),
        ("Text, 2", "Text.\n\nMore, 2", "there should be 2 paragraphs, but there are 3"),
        ("2 times", "three times", "these numbers are missing: 2"),
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
    assert any(problem in what for what in found) if problem else not found


def test_sections_of_restructuredtext() -> None:
    first, second = rst(RST_PAGE)
    assert (first.level, first.names, second.level, second.links) == (1, {"x", "k"}, 2, {"u", "w"})
    assert first.code == [".. code-block:: console\n   :class: c\n\n   $ a\n\n   b"]
    assert first.tables == [[["", ""], ["k", "2 3"]]]
    assert (first.directives, first.links, first.items, second.items) == (["list-table", "warning"], {"l"}, 0, 2)
