# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Split the text of a program into statements. No I/O."""

import re
import typing as t

_MOST_LINES = 60
_LONGEST = 4000
_BLANKS = re.compile(r"[ \t]*")
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'(?:\\.|[^\\])*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|`(?:\\.|[^`\\])*`|[()\[\]{};\n]',
    re.S,
)
# Before a "{": a literal, else a body of statements.
_LITERAL = re.compile(
    r"(?:[=(,:\[@?&|]|\breturn|\bnew\s+[\w.<>]+(?:\(\))?)\s*\Z|(?:\b[A-Z]\w*|\]\*?\w+[\w.]*|\w\.[A-Z]\w*)\Z"
)
_TRAILING = re.compile(r"\.(?:get|head|request|prepareGet|prepareRequest|fetch)\s*\([^()]*\)\s*\Z")
_CONDITION = re.compile(r"[\s}]*(?:if|for|while|switch|match|when|else|with|until|unless|foreach|func|fn|def)\b")
_LABEL = re.compile(r"(?:\A|[\n{;])[ \t}]*(?:case\b[^\n]*|default)[ \t]*:[ \t]*\Z")
_CREATES = re.compile(r"\bnew\s+[\w.<>]+\s*(?:\(\))?\s*\Z")
_ARROW = re.compile(r"=>\s*\Z")
_GROUP = re.compile(r"(?:^|\s)(?:const|var|import|type)\s*\Z")
_GOES_ON = re.compile(r"(?:[\\,+.?:=|]|&&|\|\||->|\b(?:and|or|not|in))[ \t]*\Z")
_NEXT_GOES_ON = re.compile(r"[ \t\n]*(?:\.\w|->|\?\.|&&|\|\||\+ |\. |%>%|\|>)")


class Statement(t.NamedTuple):
    """A statement: number of its first line, text, and the width of its indentation (0 in a shell script)."""

    line: int
    text: str
    indent: int

    def line_of(self, place: int) -> int:
        """Return the number of the line at *place* in the text."""
        return self.line + self.text.count("\n", 0, max(0, place))


class _Splitter:
    """Collect statements while the text is read token by token."""

    def __init__(self, text: str, hashes: bool) -> None:
        self.text, self.hashes = text, hashes
        self.statements: t.List[Statement] = []
        self.start, self.line, self.depth = 0, 1, 0

    def end(self, place: int) -> None:
        """End a statement before *place*."""
        whole = self.text[self.start : place]
        text = whole.strip(" \t\n;")[:_LONGEST]
        if text:
            before = whole[: whole.index(text[0])]
            begin = self.text.rfind("\n", 0, self.start + len(before)) + 1
            head = _BLANKS.match(self.text, begin)
            indent = len(head.group().expandtabs(8)) if head else 0
            self.statements.append(Statement(self.line + before.count("\n"), text, indent))
        self.line += whole.count("\n")
        self.start, self.depth = place, 0

    def run(self) -> t.List[Statement]:
        """Return all statements."""
        for found in _TOKEN.finditer(self.text):
            token, place = found.group(), found.start()
            before = self.text[max(self.start, place - 90) : place]
            if token == ";" and not self.depth:
                self.end(place + 1)
            elif token in "([" or (token == "{" and (self._literal(before) or self._configures(place))):
                group = token == "(" and _GROUP.search(before) and self._last_on_line(found.end())
                if group:
                    self.end(found.end())
                else:
                    self.depth += 1
            elif token == "{" and self._last_on_line(found.end()):
                self.end(found.end())
            elif token in ")]}":
                self.depth = max(0, self.depth - 1)
            elif token == "\n" and self._ends(before, found.end()):
                self.end(found.end())
        self.end(len(self.text))
        return self.statements

    def _literal(self, before: str) -> bool:
        """Return whether a "{" after *before* begins a literal."""
        if _ARROW.search(before):
            return self.hashes
        return bool(_LITERAL.search(before)) and not re.search(
            r"\b(?:class|struct|interface|enum|namespace)\s+\w+\s*\Z", before
        )

    def _configures(self, place: int) -> bool:
        """Return whether a "{" begins the block that configures the request of a call: get(url) { header(name, value) }."""
        whole = self.text[self.start : place]
        return bool(_TRAILING.search(whole[-300:])) and not _CONDITION.match(whole)

    def _last_on_line(self, place: int) -> bool:
        """Return whether nothing but the names of parameters follows on the line."""
        return bool(re.match(r"[ \t]*(?:\|[^|\n]*\|)?[ \t]*(?:\n|\Z)", self.text[place : place + 200]))

    def _ends(self, before: str, after: int) -> bool:
        """Return whether the statement ends with the line."""
        if self.text.count("\n", self.start, after) >= _MOST_LINES:
            return True
        if self.depth:
            return False
        if _LABEL.search(before):
            return True
        following = self.text[after : after + 200]
        if _CREATES.search(before) and following.lstrip().startswith("{"):
            return False
        return not _GOES_ON.search(before.rstrip("\n")) and not _NEXT_GOES_ON.match(following)


def statements(text: str, name: str) -> t.List[Statement]:
    """Return the statements of a program in the language *name*, whose comments are blanked already."""
    if name == "python":
        # A colon ends a line, and a "{" is always a literal.
        text = re.sub(r"(?m):[ \t]*$", "", text)
    if name == "ruby":
        text = _interpolated(text)
    found = _Splitter(text, name in ("perl", "ruby", "php", "python", "powershell")).run()
    if name not in ("python", "java"):
        return found
    joined: t.List[Statement] = []
    decorates = False
    for one in found:
        alone = bool(re.match(r"@[\w.]+(?:\(.*\))?\Z", one.text, re.S))
        if decorates:
            one = Statement(joined[-1].line, joined.pop().text + "\n" + one.text, one.indent)
        decorates = alone
        joined.append(one)
    return joined


def _interpolated(text: str) -> str:
    """Return *text* with the expressions in its strings as concatenations, so that their calls and strings can be seen."""
    pieces: t.List[str] = []
    place, depth = 0, 0
    for found in re.finditer(r"#\{|\{|\}", text):
        end = text.find("}", found.start())
        simple = not depth and not re.search(r"[(\"']", text[found.start() : end])
        if (found.group() == "#{" and not simple) or depth:
            opened = found.group() == "#{"
            pieces += [text[place : found.start()], '"+(' if opened else found.group()]
            place = found.end()
            depth += -1 if found.group() == "}" else 1
            if found.group() == "}":
                pieces[-1] = ')+"'
    return "".join(pieces) + text[place:]


_STRING = re.compile(
    r'"""(?P<a>(?:\\.|[^\\])*?)"""|\'\'\'(?P<b>(?:\\.|[^\\])*?)\'\'\'|"(?P<c>(?:\\.|[^"\\])*)"|\'(?P<d>(?:\\.|[^\'\\])*)\'',
    re.S,
)
_INSIDE = re.compile(r"#?\{+\s*[@$]?([\w.]+)|\$\(?\{?([A-Za-z_]\w*)|%([A-Za-z_]\w*)%")
_NAME = re.compile(r"[A-Za-z_]\w*")


def outside(text: str) -> str:
    """Return *text* with its strings empty, of the same length."""
    return _STRING.sub(
        lambda found: found.group()[0] + re.sub(r"[^\n]", " ", found.group()[1:-1]) + found.group()[-1], text
    )


def names(text: str) -> t.Set[str]:
    """Return the names that *text* mentions outside of strings, or that its strings insert."""
    found = set(_NAME.findall(outside(text)))
    for inserted in _INSIDE.finditer(text):
        name = inserted.group(1) or inserted.group(2) or inserted.group(3)
        found.update([name, *name.split(".")])
    return found
