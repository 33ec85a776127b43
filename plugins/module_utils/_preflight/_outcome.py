# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Collect what is found in one file: requests, token requests, definitions that nothing uses, and functions. No I/O."""

import typing as t

from . import _notation
from ._ranges import Ranges
from ._values import ADDRESS, HEADER, NO_VARIABLES, REQUEST, UNKNOWN


class Function:
    """A function of the file: its lines, and what its body does with its parameters."""

    def __init__(self, name: str, first: int, last: int, indent: int, parameters: t.Sequence[str] = ()) -> None:
        self.name, self.first, self.last, self.indent = name, first, last, indent
        self.parameters = list(parameters)
        # What follows the names of the variables of this function, and of those around it.
        self.scopes = ["@%d" % first]
        self.plain = self.token = self.unknown = False
        self.returns = 0
        # The statement that returns an address: line and text.
        self.place: t.Optional[t.Tuple[int, str]] = None
        # The request that the function prepares and returns: line, text and what it holds.
        self.request: t.Optional[t.Tuple[int, str, int]] = None
        # The last request whose headers are a parameter: line, text and what it holds.
        self.deferred: t.Optional[t.Tuple[int, str, int]] = None
        # How many calls of the function were judged.
        self.judged = 0


class Functions:
    """The functions of a file."""

    def __init__(self) -> None:
        self._all: t.List[Function] = []
        self._around: t.List[Function] = []
        self._named: t.Dict[str, Function] = {}
        self._ranges: t.Optional[Ranges] = None

    def define(self, name: str, first: int, last: int, indent: int, parameters: t.Sequence[str] = ()) -> Function:
        """Add a function."""
        function = Function(name, first, last, indent, parameters)
        while self._around and self._around[-1].last < first:
            self._around.pop()
        if self._around:
            function.scopes += self._around[-1].scopes
        self._around.append(function)
        self._all.append(function)
        self._named.setdefault(name, function)
        self._ranges = None
        return function

    def defines(self, name: str, line: int) -> bool:
        """Return whether the definition of the function *name* begins at a line."""
        found = self.named(name)
        return found is not None and found.first == line

    def addresses(self, called: t.Container[str]) -> t.Iterator[t.Tuple[int, str]]:
        """Yield the statements that return an address from functions that are not *called*: other files may."""
        for one in self._all:
            if one.place is not None and one.returns & ADDRESS and not one.returns & HEADER and one.name not in called:
                yield one.place

    def deferred(self, called: t.Mapping[str, int]) -> t.Iterator[t.Tuple[int, str]]:
        """Yield the requests whose headers are a parameter, from functions that are *called* more often than calls were judged."""
        for one in self._all:
            if one.deferred is not None and one.judged < called.get(one.name, 1):
                yield one.deferred[:2]

    def at(self, line: int) -> t.Optional[Function]:
        """Return the innermost function whose body has the *line*."""
        if self._ranges is None:
            self._ranges = Ranges([(one.first, one.last) for one in self._all])
        place = self._ranges.innermost(line)
        return None if place is None else self._all[place]

    def named(self, name: str) -> t.Optional[Function]:
        """Return the function of this name."""
        return self._named.get(name)

    def returned(self, name: str) -> int:
        """Return what the result of the function of this name holds."""
        found = self.named(name)
        return found.returns if found else 0


class Outcome:
    """Requests in one file by their lines: class of the path, and whether it is certain."""

    def __init__(self) -> None:
        self.lines: t.Dict[int, t.Tuple[str, bool]] = {}
        self.token_authenticated = False
        self._defined: t.Dict[str, t.Tuple[int, str]] = {}
        self._used: t.Set[str] = set()
        self._printed: t.Set[str] = set()
        # What the file gives to code that is not in it.
        self._passed: t.Dict[int, str] = {}
        # The file gives its variables to other files or programs.
        self.shared = False

    def request(self, line: int, text: str, flags: int) -> None:
        """Record a request to the service."""
        if flags & REQUEST and not flags & HEADER:
            self.token_authenticated = True
        elif flags & HEADER:
            self.token_authenticated = True
            if self.lines.get(line, ("", True))[1] is False:
                del self.lines[line]
        elif flags & UNKNOWN:
            self.unsure(line, text)
        else:
            self.lines[line] = (_notation.path_class(text), True)

    def unsure(self, line: int, text: str) -> None:
        """Record a line that may send a normal-mode request."""
        self.lines.setdefault(line, (_notation.path_class(text), False))

    def token(self) -> None:
        """Record that the file sends a token."""
        self.token_authenticated = True

    def called(self, line: int, text: str, flags: int, function: Function) -> None:
        """Record a call of *function* with an address."""
        if function.plain and not flags & HEADER and not (function.token and not function.plain):
            self.request(line, text, flags)
        elif function.token or flags & HEADER:
            self.token_authenticated = True

    def passed(self, line: int, text: str) -> None:
        """Remember a line that gives an address to code that is not in the file, and that may read it."""
        self._passed.setdefault(line, text)

    def defined(self, name: str, line: int, text: str, flags: int) -> None:
        """Remember a variable that holds an address."""
        if flags & ADDRESS and not flags & (REQUEST | HEADER) and name not in NO_VARIABLES:
            self._defined.setdefault(name, (line, text))

    def mention(self, names: t.Iterable[str]) -> None:
        """Remember that *names* are used."""
        self._used.update(names)

    def print(self, names: t.Iterable[str]) -> None:
        """Remember that *names* are printed, which is a use only in a file that does not share its variables."""
        self._printed.update(names)

    def finish(self) -> None:
        """Record definitions that nothing in the file uses: another file may."""
        used = self._used if self.shared else self._used | self._printed
        for name, (line, text) in self._defined.items():
            if name not in used and (_notation.PATH.search(text) or "://" in text or not self.lines):
                self.unsure(line, text)
        if not self.lines and not self.token_authenticated:
            for line, text in self._passed.items():
                self.unsure(line, text)


def all_of(flags: int, wanted: int) -> bool:
    """Return whether *flags* hold everything in *wanted*."""
    return flags & wanted == wanted
