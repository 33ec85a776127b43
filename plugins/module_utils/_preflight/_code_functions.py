# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follow the functions of programs: where they are defined, and which of them pass their headers on. No I/O."""

import re
import typing as t

from . import _notation, _vocabulary
from ._code_values import Program
from ._outcome import Function
from ._statements import Statement, names, outside
from ._values import ADDRESS, HEADER, PATH, REQUEST, UNKNOWN, chain

_DEFINED = (
    re.compile(
        r"\s*(?:[\w@]+\s+)*?(?:def|function|func|fn|sub|fun|proc|"
        r"method)\b\s*(?:\([^)]*\)\s*)?\*?\s*(?P<name>[\w:.!?]+)\s*(?:<[^>]*>)?\s*[({]?(?P<parameters>[^){]*)"
    ),
    re.compile(
        r"\s*(?:export\s+)?(?:const|let|var)\s+(?P<name>\w+)\s*=\s*(?=(?:async\s*)?(?:function|\(?[\w\s,:={}]*\)?\s*=>))"
        r"(?:async\s*)?(?:function\s*\w*\s*)?\(?(?P<parameters>[\w\s,:={}]*)\)?\s*(?:=>|\{|\Z)"
    ),
    re.compile(
        r"\s*(?:(?:public|private|protected|internal|static|final|async|synchronized|override|virtual|"
        r"inline)\s+)*(?!return|new|else|throw|await|yield)[\w<>\[\],.?*&: ]+?[\s*&]+(?P<name>\w+)\s*\((?P<param"
        r"eters>[^)]*)\)\s*(?:throws\s[\w, .]+|const)?\s*(?:\Z|\{|=>|=)"
    ),
    re.compile(
        r"\s*(?:async\s+)?(?P<name>(?!if|for|while|switch|catch|return|elsif|foreach|unless|until|"
        r"with)\w+)\s*\((?P<parameters>[\w\s,:='\"{}]*)\)\s*\Z"
    ),
)
_HEADERS = re.compile(
    r"(?i)(?:\bheaders?|-headers|\bhttp_?header|\bcontext)\s*(?:=>?|"
    r":)?\s*(?P<name>[$@]?\w[\w.]*)\s*(?P<call>\()?(?=\s*[,)}\]]|\s*\(|\s|\Z)|[{,(]\s*(?P<short>headers)\s*[,})]"
)
_PASSED = re.compile(r"(?:\*\*|\.\.\.)\s*(?P<name>\w+)")
_GIVEN = re.compile(r"(?<![\w.>:])(?P<name>[a-z_]\w*)\s*\(\s*[&*]?(?P<given>\w+)(?:\.\w+)?\s*[,)]")
_UNKNOWN_CALL = re.compile(r"(?<![\w.>:$])(?P<name>[a-z_][\w.]*)\s*\(")
_FETCHES = re.compile(
    r"(?i)(?:^|_|\.)(?:get|fetch|read|request|query|load|download|retrieve|curl|call|ask|pull|http|"
    r"metadata|imds)|(?:Get|Fetch|Read|Request|Load|Metadata)"
)
# Names of functions that create addresses, clients or settings.
_BUILDS = re.compile(
    r"(?i)ur[il]|client|session|connect|build|config|env|option|param|setting|default|parse|new|create|format|join|path|logger|all\Z|body|file|lines?\Z"
)
# Methods that only compare texts.
_COMPARES = re.compile(
    r"(?i)(?:starts_?with|ends_?with|contains|equals|includes|has_?prefix|index|match(?:es)?|test|append|add|push)\Z"
)


def without_definition(text: str) -> str:
    """Return *text* without the name of the function that it defines."""
    return re.sub(r"\b(?:def|function|func|fn|sub|fun)\s+\w+", "", text)


def each_call(text: str, name: str) -> t.Iterator[str]:
    """Yield each call of the function *name* in *text*, with its arguments."""
    for found in re.finditer(r"\b%s\s*\(" % re.escape(name), text):
        depth, end = 0, len(text)
        for place in range(found.end() - 1, len(text)):
            depth += {"(": 1, ")": -1}.get(text[place], 0)
            if depth == 0:
                end = place + 1
                break
        yield text[found.start() : end]


class Caller(Program):
    """A program whose functions are known; ``called`` are the names that it calls, and how often."""

    called: t.Mapping[str, int] = {}

    def _define(self, listed: t.Sequence[Statement]) -> None:
        """Find the functions; a body ends where a statement is not indented more than the definition."""
        for place, one in enumerate(listed):
            text = re.sub(r"@\w+\([^()]*\)\s+(?=[\w<>]+\s+\w+\s*[,)])", "", re.sub(r"\A(?:@.*\n)+", "", one.text))
            found = next((found for found in (pattern.match(text) for pattern in _DEFINED) if found), None)
            if found is None or re.match(
                r"\s*(?:return|if|for|while|else|switch|import|use|package|class|new|await)\b", text
            ):
                continue
            last = one.line + one.text.count("\n")
            for number in range(place + 1, len(listed)):
                following = listed[number]
                if following.indent <= one.indent:
                    break
                last = following.line + following.text.count("\n")
            parameters = [chain(part.split("=")[0].split(":")[0]) for part in found.group("parameters").split(",")]
            # In Go the type of a parameter follows its name.
            flat = [parts[0 if self.name == "go" else -1] for parts in parameters if parts]
            if last > one.line + one.text.count("\n") or len(found.group()) < len(one.text):
                self.functions.define(found.group("name").rpartition(".")[2], one.line, last, one.indent, flat)

    def _leave(self, inside: t.Optional[Function], function: t.Optional[Function]) -> None:
        """Continue in another function: variables and requests of the function *inside* end, unless *function* is in it."""
        self.values.scopes = function.scopes if function is not None else []
        if inside is None or inside.scopes[0] in self.values.scopes:
            return
        for name in [name for name in self.prepared if name + inside.scopes[0] in self.values.known]:
            self.unsent.append(self.prepared.pop(name))

    def _find_hooks(self, listed: t.Sequence[Statement]) -> None:
        """Find the classes whose methods add the token header to a request that they get."""
        current, width = "", 0
        for one in listed:
            found = re.match(
                r"\s*(?:export\s+|public\s+|final\s+)*class\s+(\w+)|\s*func\s*\(\w+\s+\*?(\w+)\)\s*\w+\(", one.text
            )
            if found:
                current, width = found.group(1) or found.group(2), one.indent
            elif one.indent <= width:
                current = ""
            elif current and _notation.has_header(one.text):
                self.hooks.add(current)

    def _passes(self, text: str, expanded: str, flags: int) -> bool:
        """Return whether a statement gives an address with a path to a function or object that is not in the file."""
        bare = outside(text)
        if not (flags & PATH and _notation.PATH.search(expanded) and "://" in expanded) or re.match(
            r"\s*(?:if|elif|while|case|when|unless|assert|switch|for|foreach|def|func|function|class|import|use)\b",
            text,
        ):
            return False
        called = re.findall(r"([A-Za-z_]\w*)\s*[({]", bare)
        return bool(called) and self._may_read(text) and not any(_COMPARES.search(name) for name in called)

    def _is_in(self, name: str, line: int) -> bool:
        """Return whether a line is in the function *name*, which calls itself with its own parameters."""
        function = self.functions.at(line)
        return function is not None and function.name == name

    def _calls_of(self, function: Function) -> bool:
        """Return whether the unknown headers are a parameter of *function*, which the file calls."""
        return any("header" in name.lower() for name in function.parameters) and function.name in self.called

    def _deferred(self, line: int, text: str, flags: int, called: Function) -> bool:
        """Judge each call in *text* of a function that passes its headers on; return whether it is one."""
        if called.deferred is None:
            return False
        calls = list(each_call(text, called.name))
        if self.final:
            called.judged += len(calls)
        for call in calls or [text]:
            held = self.values.flags(call, self.values.expand(call, code=True)) if calls else flags
            if held & (HEADER | REQUEST):
                self.outcome.token()
                continue
            unknown = UNKNOWN if self._headers_unknown(call) else 0
            self.outcome.request(line, called.deferred[1], (held | called.deferred[2]) & ~UNKNOWN | unknown)
        return True

    def _called(self, text: str, inside: t.Optional[Function]) -> t.Optional[Function]:
        """Return the function of this file that the statement calls."""
        # Also a function that another one wraps: hook(get)(url).
        for found in re.finditer(r"\b([A-Za-z_]\w*)\s*(?:\(|\)\s*\()", outside(text)):
            function = self.functions.named(found.group(1))
            if function is not None and function is not inside:
                return function
        return None

    def _answered(self, one: Statement, value: str, expanded: str, flags: int) -> bool:
        """Judge the call of a function whose result a statement assigns; return whether the result is an answer, not an address."""
        line, inside = one.line_of(self._spot(one.text)), self.functions.at(one.line)
        called = self._called(value, inside)
        if called is not None:
            if self._deferred(line, value, self.values.flags(value, expanded), called):
                return True
        if not flags & ADDRESS:
            return False
        if called is not None:
            if called.plain or called.token:
                self.outcome.called(line, expanded, flags, called)
            return called.plain or called.token
        bare = _vocabulary.NOT_METHODS.sub(" ", outside(value))
        found = _UNKNOWN_CALL.match(re.sub(r"\A\s*(?:await\s+|yield\s+from\s+|\w+!?\s+)?", "", bare))
        if found is None or not _FETCHES.search(found.group("name")) or _BUILDS.search(found.group("name")):
            return False
        if self.functions.named(found.group("name").rpartition(".")[2]) or not ("://" in expanded or flags & PATH):
            return False
        if flags & (HEADER | REQUEST):
            self.outcome.token()
        else:
            self.outcome.unsure(line, expanded)
        return True

    def _builds(self, text: str, function: Function) -> bool:
        """Return whether a statement returns an address, and not the answer of another function."""
        called = re.findall(r"(?<!\bnew )\b([a-z_]\w*)\s*\(", without_definition(outside(text)))
        return not _vocabulary.DENIED.search(function.name) and all(
            _BUILDS.search(name) and self.functions.named(name) is None for name in called
        )

    def _callback(self, text: str) -> None:
        """Remember that an unknown function gets a prepared request, or its headers, and may set any."""
        bare = outside(text)
        for found in _GIVEN.finditer(bare) if self.prepared else ():
            before = self.prepared.get(found.group("given"))
            if before is not None and not _vocabulary.OUTPUT_CALLS.match(found.group("name") + " "):
                self.prepared[found.group("given")] = (*before[:2], before[2] | UNKNOWN)

    def _headers_unknown(self, text: str) -> bool:
        """Return whether headers are passed whose content is not known."""
        for found in _HEADERS.finditer(text):
            name = chain(found.group("name") or found.group("short") or "")[-1:]
            if not name or name[0] in ("new", "None", "null", "nil", "undefined", "dict", "array", "http"):
                continue
            if self.functions.named(name[0]) or self.values.get(name[0]) is not None:
                continue
            if found.group("short") or name[0] in names(text):
                return True
        for passed in _PASSED.finditer(text):
            if self.values.get(passed.group("name")) is None:
                return True
        return False

    def _fetches(self, text: str, expanded: str, flags: int) -> bool:
        """Return whether a statement calls an unknown function that may send a request to the URL in the statement."""
        for found in _UNKNOWN_CALL.finditer(_vocabulary.NOT_METHODS.sub(" ", outside(text))):
            name = found.group("name")
            if _COMPARES.search(name) or self.functions.named(name.rpartition(".")[2]):
                continue
            if _FETCHES.search(name) and not _vocabulary.DENIED.search(name) and ("://" in expanded or flags & PATH):
                return True
        return False
