# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follow the functions of programs: where they are defined, and which of them pass their headers on. No I/O."""

import re
import typing as t

from ._code_values import Program
from ._outcome import Function
from ._statements import Statement, outside
from ._values import HEADER, REQUEST, UNKNOWN, chain

_DEFINED = (
    re.compile(
        r"\s*(?:[\w@]+\s+)*?(?:def|function|func|fn|sub|fun|proc|"
        r"method)\b\s*(?:\([^)]*\)\s*)?\*?\s*(?P<name>[\w:.!?]+)\s*(?:<[^>]*>)?\s*[({]?(?P<parameters>[^){]*)"
    ),
    re.compile(
        r"\s*(?:export\s+)?(?:const|let|var)\s+(?P<name>\w+)\s*=\s*(?:async\s*)?(?:function\s*\w*\s*)?\(?(?P<par"
        r"ameters>[\w\s,:={}]*)\)?\s*(?:=>|\{|\Z)"
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


def without_definition(text: str) -> str:
    """Return *text* without the name of the function that it defines."""
    return re.sub(r"\b(?:def|function|func|fn|sub|fun)\s+\w+", "", text)


class Caller(Program):
    """A program whose functions are known; ``called`` are the names that it calls."""

    called: t.Set[str] = frozenset()  # type: ignore[assignment]

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
            parameters = [chain(part.split("=")[0].split(":")[0])[-1:] for part in found.group("parameters").split(",")]
            flat = [name for parts in parameters for name in parts]
            if last > one.line + one.text.count("\n") or len(found.group()) < len(one.text):
                self.functions.define(found.group("name").rpartition(".")[2], one.line, last, one.indent, flat)

    def _calls_of(self, function: Function) -> bool:
        """Return whether the unknown headers are a parameter of *function*, which the file calls."""
        return any("header" in name.lower() for name in function.parameters) and function.name in self.called

    def _deferred(self, line: int, flags: int, called: Function) -> bool:
        """Judge a call of a function that passes its headers on; return whether it is one."""
        if called.deferred is None:
            return False
        both = flags | called.deferred[2]
        if flags & (HEADER | REQUEST):
            self.outcome.token()
        else:
            self.outcome.request(line, called.deferred[1], both & ~UNKNOWN)
        return True

    def _called(self, text: str, inside: t.Optional[Function]) -> t.Optional[Function]:
        """Return the function of this file that the statement calls."""
        for found in re.finditer(r"\b([A-Za-z_]\w*)\s*\(", outside(text)):
            function = self.functions.named(found.group(1))
            if function is not None and function is not inside:
                return function
        return None
