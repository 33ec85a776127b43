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


class Program(t.NamedTuple):
    """A program in a configuration file: the name of a file in its language, the number of its first line, its lines."""

    name: str
    first: int
    lines: t.List[str]


_BLOCK = re.compile(r"(?P<dash>(?:-\s+)*)(?:[\"']?(?P<key>[\w./-]+)[\"']?\s*:\s*)?[|>][-+\d]*\s*\Z")
_HEREDOC = re.compile(r"[\"']?(?P<key>[\w./-]+)[\"']?\s*[=:(].*<<[-~]?(?P<word>[A-Za-z_]\w*)\s*\Z")
_ENDING = re.compile(r"\.(?:sh|bash|py|pl|rb|js|lua|ps1|ya?ml|conf|service)\Z")


def programs(text: str) -> t.Iterator[Program]:
    """Yield the programs in block scalars of YAML and here-documents of Terraform."""
    listed = text.split("\n")
    place = 0
    while place < len(listed):
        line, place = listed[place], place + 1
        if not line.endswith(("|", "-", "+", ">")) and "<<" not in line:
            continue
        block, heredoc = _BLOCK.match(line.strip()), _HEREDOC.match(line.strip())
        if block is None and heredoc is None:
            continue
        end = place
        if block is not None:
            width = _width(line) + len(block.group("dash")) - (0 if block.group("key") else 1)
            while end < len(listed) and (not listed[end].strip() or _width(listed[end]) > width):
                end += 1
        elif heredoc is not None:
            while end < len(listed) and listed[end].strip() != heredoc.group("word"):
                end += 1
        found = block or heredoc
        name = _program_name(
            (found.group("key") if found else None) or "", _sibling(listed, place - 1, end), listed[place:end]
        )
        if name:
            shortest = min((_width(one) for one in listed[place:end] if one.strip()), default=0)
            yield Program(
                name, place + 1, [one.expandtabs(8)[shortest:] if one.strip() else "" for one in listed[place:end]]
            )
        place = end


def _program_name(key: str, path: str, content: t.List[str]) -> str:
    """Return the name of a file in the language of a block; empty if it is no program."""
    if _vocabulary.DOCUMENTED.search(key):
        return ""
    name = next((name for name in (path, key) if _ENDING.search(name)), "")
    whole = "\n".join(content)
    if name or next((line.strip() for line in content if line.strip()), "").startswith("#!"):
        return name or "program"
    if re.search(r"(?m)^\s*(?:import [\w.]+|from [\w.]+ import .*)$", whole):
        return "program.py"
    return "program.sh" if _vocabulary.TOOLS.search(whole) else ""


def _sibling(listed: t.List[str], place: int, end: int) -> str:
    """Return the value of the key "path" or "dest" beside the block that begins at *place*."""
    for line in listed[max(0, place - 4) : place] + listed[end : end + 4]:
        found = re.match(r"\s*(?:-\s+)?(?:path|dest)\s*:\s*[\"']?([^\s\"']+)", line)
        if found:
            return found.group(1)
    return ""


def _width(line: str) -> int:
    """Return the width of the indentation."""
    whole = line.expandtabs(8)
    return len(whole) - len(whole.lstrip())


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


def references(text: str) -> t.Set[str]:
    """Return the names that a file inserts."""
    return {
        name
        for found in re.finditer(r"\{\{\s*(\w+)|\$\{?(?:var\.|local\.)?(\w+)|\b(?:local|var)\.(\w+)", text)
        for name in found.groups()
        if name
    }
