# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse what a Markdown or reStructuredText page and its translation have in common: headings, code, names, links, lists, tables."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

Cells = list[list[str]]  # for each row of a table: for each cell its names and numbers

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_TABLE = re.compile(r"^(?:\|.*\n)+", re.MULTILINE)
_LIST_TABLE = re.compile(r"^\.\. list-table::.*\n(?:(?: +.*)?\n)*", re.MULTILINE)
_ITEM = re.compile(r"^ *(?:[*-]|#\.|\d+\.) ", re.MULTILINE)
_NAMES = {"md": re.compile(r"`([^`\n]+)`"), "rst": re.compile(r"(?:``|:ansplugin:`)([^`]+)`")}
_NUMBER = re.compile(r"(?<![\w.-])\d[\d.,:/-]*(?<=\d)(?![\w-])")
_LABEL = re.compile(r"^\.\. _(\S+):$", re.MULTILINE)
_OTHER_DIRECTIVE = re.compile(r"^\.\. ([a-z-]+)::", re.MULTILINE)
_DIRECTIVE = re.compile(r"^( *)\.\. code-block::.*\n(?:(?:\1 +.*)?\n)*", re.MULTILINE)
_COMMENT = re.compile(r"^( *)\.\. (?!code-block|_|list-table|include|note|warning).*\n(?:\1 +.*\n)*", re.MULTILINE)
# An underline is at least as long as its title. A Chinese character is two columns wide.
_UNDERLINED = re.compile(r"^(\S.*)\n([=\-~^])\2{2,}$", re.MULTILINE)


@dataclass
class Section:
    """The content from one heading to the next."""

    level: int
    title: str
    code: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    tables: list[Cells] = field(default_factory=list)
    items: int = 0
    paragraphs: int = 0
    numbers: set[str] = field(default_factory=set)
    directives: list[str] = field(default_factory=list)

    @property
    def likeness(self) -> str:
        """Return a key that is equal for a section and its translation."""
        return repr((self.level, self.code, sorted(self.names)))

    def differences(self, other: Section) -> list[str]:
        """Describe each difference of *other*, the translation, in a sentence."""
        found = []
        if self.level != other.level:
            found.append(f"its heading should be of level {self.level}, but is of level {other.level}")
        for number, (ours, theirs) in enumerate(zip(self.code, other.code)):
            if ours != theirs:
                found.append(f"code block {number + 1} should be\n{ours}\nbut is\n{theirs}")
        if len(self.code) != len(other.code):
            found.append(f"there should be {len(self.code)} code blocks, but there are {len(other.code)}")
        for what, mine, its in (
            ("list items", self.items, other.items),
            ("paragraphs", self.paragraphs, other.paragraphs),
            ("tables", len(self.tables), len(other.tables)),
        ):
            if mine != its:
                found.append(f"there should be {mine} {what}, but there are {its}")
        for number, (table, its_table) in enumerate(zip(self.tables, other.tables)):
            found += [f"table {number + 1}, {what}" for what in _table_differences(table, its_table)]
        if self.directives != other.directives:
            found.append(f"its directives should be {self.directives}, but are {other.directives}")
        if self.numbers - other.numbers:
            found.append(f"these numbers are missing: {', '.join(sorted(self.numbers - other.numbers))}")
        for what, ours, theirs in (("names", self.names, other.names), ("links", self.links, other.links)):
            if ours - theirs:
                found.append(f"these {what} are missing: {', '.join(sorted(ours - theirs))}")
            if theirs - ours:
                found.append(f"these {what} are too many: {', '.join(sorted(theirs - ours))}")
        return found


def markdown(text: str) -> list[Section]:
    """Return the sections of a Markdown page."""
    code: list[str] = []
    text = _FENCE.sub(lambda block: code.append(block[0]) or f"\0{len(code) - 1}\0", text)
    parts = re.split(r"^(#+) (.*)$", text, flags=re.MULTILINE)
    found = []
    for hashes, title, body in zip(parts[1::3], parts[2::3], parts[3::3]):
        tables = []
        for table in _TABLE.findall(body):
            rows = [re.split(r"(?<!\\)\|", line.strip())[1:-1] for line in table.splitlines()]
            tables.append([[_key(cell, "md") for cell in row] for row in rows if set("".join(row)) - set("-: ")])
        links = set(re.findall(r"\]\(([^)]+)\)", body))
        prose = _TABLE.sub("\n", body)
        found.append(_section("md", len(hashes), title, body, prose, code, links, tables))
    return found


def rst(text: str) -> list[Section]:
    """Return the sections of a reStructuredText page. Labels count as links."""
    code: list[str] = []
    text = _DIRECTIVE.sub(lambda block: code.append(block[0].strip()) or f"\0{len(code) - 1}\0\n\n", text + "\n")
    text = _COMMENT.sub("", text)
    parts = _UNDERLINED.split(text)
    order: list[str] = []
    found = []
    for title, underline, body in zip(parts[1::3], parts[2::3], parts[3::3]):
        if underline not in order:
            order.append(underline)
        tables = []
        for table in _LIST_TABLE.findall(body):
            rows = re.split(r"^   \* ", table, flags=re.MULTILINE)[1:]
            tables.append(
                [
                    [_key(cell, "rst") for cell in re.split(r"^(?:     )?- ", row, flags=re.MULTILINE)[1:]]
                    for row in rows
                ]
            )
        links = set(re.findall(r"<([^<>`\s]+)>`", body)) | set(_LABEL.findall(body))
        prose = _LABEL.sub("", _LIST_TABLE.sub("", body))
        found.append(_section("rst", order.index(underline) + 1, title, body, prose, code, links, tables))
    return found


def _section(
    kind: str, level: int, title: str, body: str, prose: str, code: list[str], links: set[str], tables: list[Cells]
) -> Section:
    blocks = [code[int(number)] for number in re.findall("\0(\\d+)\0", body)]
    prose = re.sub("\0\\d+\0", "", prose)
    return Section(
        level,
        title,
        blocks,
        names=set(_NAMES[kind].findall(body)),
        links=links,
        tables=tables,
        items=len(_ITEM.findall(prose)),
        paragraphs=len([part for part in re.split(r"\n\s*\n", prose) if part.strip()]),
        numbers=set(_NUMBER.findall(prose)),
        directives=_OTHER_DIRECTIVE.findall(body),
    )


def _key(cell: str, kind: str) -> str:
    """Return what a cell of a table and its translation have in common: names in code, and numbers."""
    return " ".join(sorted({*_NAMES[kind].findall(cell), *_NUMBER.findall(_NAMES[kind].sub("", cell))}))


def _table_differences(ours: Cells, theirs: Cells) -> list[str]:
    if len(ours) != len(theirs):
        return [f"there should be {len(ours)} rows, but there are {len(theirs)}"]
    return [
        f"row {number + 1} should have the cells {our_row}, but has {their_row}"
        for number, (our_row, their_row) in enumerate(zip(ours, theirs))
        if our_row != their_row
    ]
