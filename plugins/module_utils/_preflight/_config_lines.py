# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Split configuration files into lines with their keys, and blocks. No I/O."""

import re
import typing as t

from . import _vocabulary

SECTION = re.compile(r"\s*\[+[^\]\n]+\]+\s*\Z")


class Line(t.NamedTuple):
    """A line that is not empty: number, text, indentation, and the keys above it."""

    number: int
    text: str
    indent: int
    keys: t.Tuple[str, ...]


def lines(text: str) -> t.Iterator[Line]:
    """Yield the lines that are not empty, with the keys above them by indentation or section."""
    above: t.List[t.Tuple[int, str]] = []
    section = before = ""
    for number, whole in enumerate(text.split("\n"), 1):
        line = whole.strip()
        if not line:
            continue
        indent = len(whole.expandtabs(8)) - len(whole.expandtabs(8).lstrip())
        if SECTION.match(line):
            section = line.strip("[] ")
        while above and above[-1][0] >= indent:
            above.pop()
        pair = re.match(r"value\s*:", line) and re.match(r"(?:-\s+)?name\s*:\s*[\"']?([\w.-]+)", before)
        named = [pair.group(1)] if pair else []
        before = line
        yield Line(
            number,
            line,
            indent,
            tuple([section] if section else []) + tuple(key for _width, key in above) + tuple(named),
        )
        found = re.match(r"(?P<dash>(?:-\s+)*)[\"']?(?P<key>[\w.@/-]+)", line)
        if found:
            above.append((indent + len(found.group("dash")), found.group("key")))


def braces(text: str) -> t.List[t.Tuple[int, int]]:
    """Return first and last line of each block in braces that spans lines, the innermost first."""
    found: t.List[t.Tuple[int, int]] = []
    opened: t.List[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        bare = re.sub(r"\{\{.*?\}\}|\$\{[^}]*\}|\{[^{}]*\}|\"[^\"]*\"", "", line)
        for char in re.findall(r"[{}]", bare):
            if char == "{":
                opened.append(number)
            elif opened:
                found.append((opened.pop(), number))
    return sorted(found, key=lambda block: block[1] - block[0])


def command_of(text: str) -> str:
    """Return the command in a line of a configuration."""
    text = re.sub(r"^(?:-\s+)*[\"']?[\w.+-]+[\"']?(?:\[[^\]]*\])?\s*[:=,]+\s*(?=\S)", "", text)
    if re.match(r"\s*\[", text):
        text = re.sub(r"[\[\]]", " ", re.sub(r"[\"']?\s*,\s*[\"']?", " ", text))
        return text.replace('"', " ").replace("'", " ")
    place = _vocabulary.TOOLS.search(text)
    if place and text[: place.start()].count('"') % 2:
        text = text[text[: place.start()].rfind('"') + 1 :].replace('\\"', '"').rstrip('"; }')
    return text
