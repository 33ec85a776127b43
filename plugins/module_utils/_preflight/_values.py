# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follow the values of variables through a program: which of them hold an address, a path or the token header. No I/O."""

import bisect
import re
import typing as t

from . import _notation
from ._statements import names, outside

# What a text or variable holds; REQUEST: a token request, UNKNOWN: made by code that cannot be seen.
ADDRESS, PATH, HEADER, REQUEST, UNKNOWN = 1, 2, 4, 8, 16
_LONGEST = 2000
# Names for what a statement does not keep, and for errors.
NO_VARIABLES = frozenset(["_", "err", "error", "ok"])
_INSERTED = re.compile(
    r"\$\{:?(?P<brace>[A-Za-z_]\w*)[^}\n]*\}|\$\((?P<make>[A-Za-z_]\w*)\)|\$(?P<plain>[A-Za-z_]\w*)|#\{\s*@?(?P<ruby>[\w.]+)[^}\n]*\}"
    r"|\{\{\s*(?P<jinja>[\w.]+)[^}\n]*\}\}|\{(?P<single>[A-Za-z_][\w.]*)(?:![rs])?(?::[^}\n]*)?\}|%(?P<batch>[A-Za-z_]\w*)%"
    r"|@(?P<array>[A-Za-z_]\w*)"
)
_DEFAULT = re.compile(r"\$\{\w+:?[-=](?P<value>[^{}\n]+)\}|\$\{[\w.]+:(?P<spring>[^{}\n]+)\}")
_CODE_NAME = re.compile(
    r"(?<![\w.$\"'])(?:(?:self|this|cls|\$this|Self|static|[A-Z]\w*)(?:\.|->|"
    r"::))?\$?(?P<name>[A-Za-z_]\w*)(?![\w(])"
)
_SQUEEZED = re.compile(r"(?<=[^\\])[\"'`]\s*(?:\+|\.\.?|<>|&|\|\|)?\s*[rbfu]?[\"'`](?=[\w./:$%{])")


_BRANCH = re.compile(
    r"^[ \t}]*(?:else\b|elif\b|els(?:e )?if\b|case\b|default\b|when\b|except\b|catch\b|rescue\b|_\s*=>|\(?[^\s()=]+\)(?=[ \t]))|;;"
)


def branches(text: str) -> t.List[int]:
    """Return the numbers of the lines that begin another branch."""
    return [number for number, line in enumerate(text.split("\n"), 1) if _BRANCH.search(line)]


_FIELD = re.compile(r"(?:\.|->|\[[\"':]+)([A-Za-z_]\w*)")
_ELEMENT = re.compile(r"[\"']?\b(?P<name>[A-Za-z_]\w*)[\"']?\s*(?::|=>|=)\s*[\"'`](?P<value>[^\"'`\n]*)[\"'`]")


class Value(t.NamedTuple):
    """What is known of a variable: its text as far as it was constant, what it holds, and where it was assigned."""

    text: str
    flags: int
    line: int


class Values:
    """Variables by name; the last assignment before a place counts, else (``later``) any in the file."""

    def __init__(self, later: t.Optional[t.Mapping[str, Value]] = None) -> None:
        self.known: t.Dict[str, Value] = {}
        self.later = later or {}
        self.parameters: t.Set[str] = set()
        self.used: t.Set[str] = set()
        # Numbers of the lines that begin another branch, such as "else".
        self.branches: t.List[int] = []
        # What follows the names of variables that are local to the functions around a statement, the innermost first.
        self.scopes: t.List[str] = []

    def get(self, name: str) -> t.Optional[Value]:
        """Return the value of a variable, None if it is not known."""
        for place, scope in enumerate(self.scopes):
            # A function around this one may have assigned its variables when this one is called.
            found = self.known.get(name + scope) or (self.later.get(name + scope) if place else None)
            if found is not None:
                return found
        found = self.known.get(name)
        return found if found is not None or name in self.parameters else self.later.get(name)

    def put(self, name: str, text: str, flags: int, line: int, add: bool = False, local: bool = False) -> None:
        """Assign a variable, or with *add* extend it; *local* declares it in the function."""
        if name in NO_VARIABLES:
            return
        before = self.get(name) if add else None
        if before is not None:
            text, flags, line = before.text + " " + text, before.flags | flags, before.line
        declared = self.scopes[:1] if local else [one for one in self.scopes if name + one in self.known][:1]
        name += declared[0] if declared else ""
        other = self.known.get(name)
        if other is not None and other.flags & ADDRESS and not flags & ADDRESS and self.alternative(other.line, line):
            text, flags = other.text, flags | other.flags & (ADDRESS | PATH)
        self.known[name] = Value(text[:_LONGEST], flags, line)

    def alternative(self, first: int, second: int) -> bool:
        """Return whether only one of two lines is executed, as far as the branches between them show."""
        place = bisect.bisect_right(self.branches, first)
        return place < len(self.branches) and self.branches[place] <= second

    def forget(self, parameters: t.Iterable[str]) -> None:
        """Make *parameters* of a function unknown."""
        for name in parameters:
            self.known.pop(name, None)
            self.known.pop(name + "".join(self.scopes[:1]), None)
            self.parameters.add(name)

    def expand(self, text: str, code: bool) -> str:
        """Return *text* with the variables replaced by their texts; in *code* also those outside of strings."""
        if len(text) > 4 * _LONGEST:
            text = text[: 4 * _LONGEST]
        text = _DEFAULT.sub(self._default, text)
        if code:
            bare = outside(text)
            pieces, place = [], 0
            for found in _CODE_NAME.finditer(bare):
                value = self.get(found.group("name"))
                if value is not None and value.text and not re.match(r"\s*(?:=(?![=>~])|:=)", bare[found.end() :]):
                    pieces += [text[place : found.start()], '"%s"' % value.text]
                    place = found.end()
            text = "".join(pieces) + text[place:]
        text = _INSERTED.sub(self._inserted, text)
        return _SQUEEZED.sub("", text)

    def flags(self, text: str, expanded: str) -> int:
        """Return what a statement holds: its *expanded* text, and the variables that its *text* mentions."""
        result = text_flags(expanded)
        for name in names(text):
            value = self.get(name)
            if value is not None:
                self.used.add(name)
                result |= value.flags
        for name in _FIELD.findall(text):
            value = self.get("." + name)
            self.used.add("." + name)
            result |= value.flags if value is not None else 0
        return result

    def fields(self, text: str, line: int) -> None:
        """Remember the elements of objects that hold an address, under their name after a dot."""
        for found in _ELEMENT.finditer(text):
            value = self.expand(found.group("value"), code=False)
            if _notation.has_address(value):
                self.put("." + found.group("name"), "", text_flags(value) & (ADDRESS | PATH), line)

    def _default(self, found: "t.Match[str]") -> str:
        """Return the default value of a variable, unless a value is known."""
        name = re.match(r"\$\{(\w+)", found.group())
        value = self.get(name.group(1)) if name else None
        return found.group() if value and value.text else found.group("value") or found.group("spring")

    def _inserted(self, found: "t.Match[str]") -> str:
        """Return the text of a variable that a string inserts."""
        name = str(found.group(found.lastgroup or 0)).rpartition(".")[2]
        value = self.get(name)
        return found.group() if value is None or not value.text else value.text


def text_flags(text: str) -> int:
    """Return what a text holds by itself."""
    result = 0
    if _notation.has_address(text):
        result |= ADDRESS
    if _notation.PATH.search(text):
        result |= PATH
    if _notation.has_header(text):
        result |= HEADER
    asked = _notation.TOKEN_REQUEST.search(text) and not _notation.names_other_host(text)
    if asked or _notation.TTL.search(text):
        result |= REQUEST
    return result


_TARGET = re.compile(r"(?<![=!<>~:+|?&*/%^-])(?P<sign>\+|\|\||\?\??|:|\.)?=(?![=~>])|<-|<<-")


def assignment(text: str) -> t.Optional[t.Tuple[t.List[str], str, bool, bool]]:
    """Return names, value, whether it extends, and whether it sets an element, of a statement that assigns; else None."""
    bare, depth = outside(text), 0
    for found in re.finditer(r"[(\[{]|[)\]}]|" + _TARGET.pattern, bare):
        if found.group() in "([{":
            depth += 1
        elif found.group() in ")]}":
            depth -= 1
        elif depth <= 0:
            left, value = bare[: found.start()], text[found.end() :]
            element = re.match(r"\s*(?:await\s+)?[$@]?([\w.>:$-]+?)\s*[\[{]\s*[^=]*[\]}]\s*\Z", left)
            if element:
                return chain(element.group(1))[:1], value, True, True
            left = (
                re.sub(r"(?<!:)(?<!\$env):(?!:).*\Z", "", left.strip(), flags=re.S) if found.group() != ":=" else left
            )
            parts = [part.strip() for part in left.split(",")]
            targets = [chain(part.split()[-1])[-1:] for part in parts if part.split()]
            flat = [name for target in targets for name in target]
            return (flat, value, found.group("sign") in ("+", "."), False) if flat and len(flat) < 5 else None
    return None


def chain(text: str) -> t.List[str]:
    """Return the names in a chain such as self.http.headers, without the object itself."""
    parts = [part for part in re.split(r"\W+", text) if re.match(r"[A-Za-z_]\w*\Z", part)]
    return [part for part in parts if part not in ("self", "this", "cls", "Self", "static")] or parts
