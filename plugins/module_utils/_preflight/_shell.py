# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Split shell scripts into commands and here-documents. No I/O."""

import bisect
import re
import typing as t

from ._statements import Statement

_HEREDOC = re.compile(r"(?<!<)<<(?P<strip>-?)\s*(?P<quote>[\"']?)\\?(?P<word>[A-Za-z_][\w.-]*)(?P=quote)")
_MOST_DEPTH = 8
_LONGEST = 8192
_KEYWORD = re.compile(r"\s*(?:(?:if|then|else|elif|do|while|until|time|!|\{)(?=\s)\s*)+")
_INNER = re.compile(
    r"(?:\b(?:ba|da|a|z|k)?sh|\bsu)\s(?:[^\n'\"|;&]*?\s)?-\w*c\s+(?P<quote>['\"])(?P<text>.*?)(?<!\\)(?P=quote)"
    r"|\b(?:alias\s+[\w.-]+=|eval|ssh\s[^'\"\n|;&]*|trap|watch(?:\s+-\S+)*)\s*(?P<quote2>['\"])(?P<text2>.*?)(?<!\\)(?P=quote2)",
    re.S,
)


class Heredoc(t.NamedTuple):
    """A here-document: the command line that reads it, its text, and the numbers of its first line and of the command line."""

    command: str
    text: str
    line: int
    read_at: int = 0


def heredocs(text: str) -> t.Tuple[str, t.List[Heredoc]]:
    """Return *text* with here-documents blanked, and the here-documents."""
    found: t.List[Heredoc] = []
    kept: t.List[str] = []
    lines = text.split("\n")
    place = 0
    while place < len(lines):
        line = lines[place]
        kept.append(line)
        place += 1
        if "<<" not in line or re.match(r"\s*#", line):
            continue
        read_at = place
        for mark in _HEREDOC.finditer(line):
            body = []
            start = place
            while place < len(lines) and (
                lines[place].strip() if mark.group("strip") else lines[place].rstrip()
            ) != mark.group("word"):
                body.append(lines[place])
                place += 1
            place = min(place + 1, len(lines))
            found.append(Heredoc(line, "\n".join(body), start + 1, read_at))
            kept += [""] * (place - start)
    return "\n".join(kept), found


class _Reader:
    """Split a text into commands; substitutions become commands of their own."""

    def __init__(self, text: str, line: int) -> None:
        self.text, self.first = text, line
        self.commands: t.List[t.Tuple[int, str]] = []
        self.array = ""

    def read(self, place: int, closing: str, depth: int) -> int:
        """Read commands from *place* to the *closing* text, and return the place after it."""
        text, piece, start, quoted = self.text, [], place, False  # type: str, t.List[str], int, bool
        while place < len(text):
            char = text[place]
            two = text[place : place + 2]
            if char == "\\":
                piece.append(" \n" if two == "\\\n" else two)
                place += 2
            elif closing and text.startswith(closing, place) and not quoted:
                break
            elif char == "'" and not quoted:
                end = text.find("'", place + 1) + 1 or len(text)
                piece.append(text[place:end])
                place = end
            elif depth < _MOST_DEPTH and self._substitutes(place, quoted):
                piece.append("\u00a7")
                place = self.read(place + len(two if char != "`" else "`"), "`" if char == "`" else ")", depth + 1)
            elif char == "(" and not quoted and place and text[place - 1] == "=":
                piece.append("(")
                end = self._array(place + 1, depth + 1)
                piece.append(self.array + ")")
                place = end
            elif not quoted and char == "#" and (not piece or piece[-1][-1:].isspace() or place == start):
                end = text.find("\n", place)
                place = len(text) if end < 0 else end
            elif not quoted and (char in ";\n()" or two in ("&&", "||") or self._background(place)):
                self._end(start, piece)
                place += 2 if two in ("&&", "||", ";;") else 1
                start = place
            else:
                quoted = quoted != (char == '"')
                piece.append(char)
                place += 1
        self._end(start, piece)
        return place + len(closing)

    def _array(self, place: int, depth: int) -> int:
        """Read the elements of an array, which are no commands, into ``array``; return the place after it."""
        inner = _Reader(self.text, self.first)
        end = inner.read(place, ")", depth)
        elements = [command for at, command in inner.commands if at >= place and not self._substituted(place, at)]
        self.commands += [one for one in inner.commands if one[1] not in elements]
        self.array = " ".join(elements)
        return end

    def _substitutes(self, place: int, quoted: bool) -> bool:
        """Return whether a substitution begins at *place*."""
        two = self.text[place : place + 2]
        if two == "$(":
            return self.text[place + 2 : place + 3] != "("
        return two[:1] == "`" or (two in ("<(", ">(") and not quoted)

    def _substituted(self, begin: int, place: int) -> bool:
        """Return whether *place* is in a command substitution that begins after *begin*."""
        before = self.text[begin:place]
        return before.count("$(") > before.count(")") or before.count("`") % 2 == 1

    def _background(self, place: int) -> bool:
        """Return whether an ampersand at *place* ends a command."""
        return (
            self.text[place] == "&"
            and self.text[place - 1 : place] not in (">", "<", "&")
            and self.text[place + 1 : place + 2] != ">"
        )

    def _end(self, start: int, piece: t.List[str]) -> None:
        """Add the command that begins at *start*."""
        whole = "".join(piece)
        piece.clear()
        if whole.strip():
            begin = start
            while begin < len(self.text) and self.text[begin].isspace():
                begin += 1
            self.commands.append((begin, whole.strip()))


def commands(text: str, line: int = 1, nested: int = 0) -> t.List[Statement]:
    """Return the commands of a script in their order; the first line of *text* has the number *line*.

    A pipeline is one command. The programs given to ``sh -c``, ``eval`` or ``ssh`` are commands, too.
    """
    reader = _Reader(text, line)
    reader.read(0, "", 0)
    result: t.List[Statement] = []
    breaks = [place for place, char in enumerate(text) if char == "\n"]
    for place, command in sorted(reader.commands):
        command = _KEYWORD.sub("", command, 1) if _KEYWORD.match(command) else command
        number = line + bisect.bisect_left(breaks, place)
        if len(command) > _LONGEST:
            # A quote that does not end: judge each line by itself.
            if nested < 3:
                for offset, single in enumerate(text[place : place + len(command)].split("\n")):
                    result += commands(single[:_LONGEST], number + offset, 3)
            continue
        inner = _INNER.search(command) if nested < 3 else None
        if inner:
            program = inner.group("text") if inner.group("text") is not None else inner.group("text2")
            begin = command.find(program)
            if (inner.group("quote") or inner.group("quote2")) == '"':
                program = program.replace('\\"', '"').replace("\\$", "$").replace("\\`", "`")
            result += commands(program, number + command.count("\n", 0, max(0, begin)), nested + 1)
            command = command[: inner.start()] + " \u00a7 " + command[inner.end() :]
        result.append(Statement(number, command, 0))
    return result
