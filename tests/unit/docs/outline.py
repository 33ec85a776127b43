# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse what a Markdown or reStructuredText page and its translation have in common: headings, code, names, links, tables."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_DIRECTIVE = re.compile(r"^\.\. code-block::.*\n(?:(?: +.*)?\n)*", re.MULTILINE)
_COMMENT = re.compile(r"^\.\. (?!code-block|_|list-table|include|note|warning).*\n(?: +.*\n)*", re.MULTILINE)
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
    rows: list[str] = field(default_factory=list)

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
        if self.rows != other.rows:
            found.append(f"the first column of its tables should be {self.rows}, but is {other.rows}")
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
        table = re.findall(r"^\|(.*?)(?<!\\)\|", body, re.MULTILINE)
        # Skip the header of a table and the line below it.
        rows = [cell.strip() for number, cell in enumerate(table) if not _is_header(table, number)]
        names = set(re.findall(r"`([^`\n]+)`", body))
        links = set(re.findall(r"\]\(([^)]+)\)", body))
        found.append(Section(len(hashes), title, _code_in(body, code), names, links, rows))
    return found


def _is_header(table: list[str], number: int) -> bool:
    following = table[number : number + 2]
    return any(set(cell.strip()) <= set("-: ") for cell in following)


def rst(text: str) -> list[Section]:
    """Return the sections of a reStructuredText page."""
    code: list[str] = []
    text = _DIRECTIVE.sub(lambda block: code.append(block[0].strip()) or f"\0{len(code) - 1}\0\n", text + "\n")
    text = _COMMENT.sub("", text)
    parts = _UNDERLINED.split(text)
    order: list[str] = []
    found = []
    for title, underline, body in zip(parts[1::3], parts[2::3], parts[3::3]):
        if underline not in order:
            order.append(underline)
        names = set(re.findall(r"``([^`]+)``|:ansplugin:`([^`]+)`", body))
        links = set(re.findall(r"<([^<>`\s]+)>`", body))
        level = order.index(underline) + 1
        found.append(Section(level, title, _code_in(body, code), {a or b for a, b in names}, links))
    return found


def _code_in(body: str, code: list[str]) -> list[str]:
    return [code[int(number)] for number in re.findall("\0(\\d+)\0", body)]
