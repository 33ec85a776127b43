# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judge the statements of programs in languages other than the shell's. No I/O.

Evidence is local: a token header counts for the request that it is passed to, through variables, objects and functions.
"""

import re
import typing as t
from collections import Counter

from . import _code_forms, _notation, _vocabulary
from ._code_functions import Caller, without_definition
from ._languages import Language
from ._outcome import Function, Outcome
from ._statements import Statement, names, outside, statements
from ._values import ADDRESS, HEADER, PATH, REQUEST, UNKNOWN, Values, assignment, branches

# A statement that only gives names to other files, which may send requests with them.
_EXPORTS = re.compile(r"\s*(?:export\s*(?:default\b|\{)|return\s+(?:\{|\[|[A-Z_]\w*\s*\Z)|pub\s+use\b)")
_RESULT = re.compile(r"\b(?:return|yield|echo|print|=>)|Write-Output")
# A parameter whose annotation holds its value.
_ANNOTATED = re.compile(r"@\w+\(\s*(\"[^\"]*\")\s*\)\s+(?:final\s+)?[\w<>]+\s+(\w+)\s*[,)]")


class CodeJudge(Caller):
    """Judge one program; functions and variables of the whole program are known from a first pass."""

    def __init__(
        self, outcome: Outcome, language: Language, shell: t.Callable[[str, int, Values], t.Optional[Outcome]]
    ) -> None:
        super().__init__(outcome)
        self.name, self.shell = language.name, shell

    def run(self, text: str) -> None:
        """Judge a whole program whose comments are blanked."""
        listed = statements(text, self.name)
        self._define(listed)
        self.called = Counter(
            name
            for one in listed
            for name in re.findall(r"\b(\w+)\s*\(", without_definition(one.text))
            if not self.functions.defines(name, one.line) and not self._is_in(name, one.line)
        )
        outcome, alternatives = self.outcome, branches(text)
        self.shared = _code_forms.shared_names(text)
        self._find_hooks(listed)
        for final in (False, True):
            self.final, self.outcome = final, outcome if final else Outcome()
            self.values = Values(self.values.known)
            self.values.branches = alternatives
            self.prepared.clear()
            self.unsent.clear()
            self.data.clear()
            inside: t.Optional[Function] = None
            for one in listed:
                function = self.functions.at(one.line)
                if function is not inside:
                    self.values.parameters.clear()
                    self._leave(inside, function)
                    if function is not None:
                        self.values.forget(function.parameters)
                    inside = function
                self._statement(one, function)
        for line, expanded in (*self.functions.addresses(self.called), *self.functions.deferred(self.called)):
            outcome.unsure(line, expanded)
        for line, expanded, flags in [*self.unsent, *self.prepared.values()]:
            if flags & PATH and not flags & HEADER:
                outcome.request(line, expanded, flags)

    def _statement(self, one: Statement, function: t.Optional[Function]) -> None:
        """Judge one statement."""
        text = one.text
        self.values.used.clear()
        defines = function is not None and function.first == one.line
        if defines and function is not None and text.lstrip().startswith("@"):
            flags = self.values.flags(text, self.values.expand(text, code=True))
            for name in function.parameters:
                if flags & ADDRESS and re.search(r"[\"'-]%s\b" % re.escape(name.replace("_", "-")), text):
                    self.values.put(name, "", flags & (ADDRESS | PATH), one.line)
        if defines and function is not None and function.last > one.line + text.count("\n"):
            listed = re.findall(r"(\w+)\s*(?::[^=,()]*)?=\s*([\"'][^\"']*[\"'])", text)
            listed += [(name, value) for value, name in _ANNOTATED.findall(self.values.expand(text, code=False))]
            for name, value in listed:
                self.values.put(name, value.strip("\"'"), self.values.flags(value, value), one.line)
            return
        expanded = self.values.expand(text, code=True)
        flags = self.values.flags(text, expanded)
        for name in names(text):
            returned = self.functions.returned(name)
            if returned and re.search(r"\b%s\s*\(|\b%s\b(?!\s*[=:(])" % (name, name), text):
                flags |= returned
        self._loops(one, text)
        self._options(one, text, flags)
        if flags & ADDRESS and not _vocabulary.DENIED.search(text):
            self.values.fields(text, one.line)
        sends = self._sends(text, expanded, flags, function)
        if not sends:
            if self._assigns(one, text, expanded, flags):
                return
            if self._extends(one, text, expanded, flags):
                self.outcome.mention(self.values.used)
                return
            self._other(one, text, expanded, flags, function)
        else:
            self._request(one, text, expanded, flags, function)
            self.outcome.mention(self.values.used)
            self._assigns(one, text, expanded, 0)

    def _sends(self, text: str, expanded: str, flags: int, function: t.Optional[Function]) -> bool:
        """Return whether the statement sends a request."""
        bare = outside(text)
        if self.name in ("go", "java", "rust") and "(" not in bare:
            return False  # a declaration
        cleaned = _vocabulary.NOT_METHODS.sub(" ", outside(_code_forms.without_elements(text, self.data)))
        waiting = [name for name in names(text) if name in self.prepared]
        if _code_forms.sends(bare, waiting) or _code_forms.gets_url(expanded):
            return True
        if _vocabulary.RAW_REQUEST.search(text) and (self.prepared or flags & ADDRESS) and not assignment(text):
            return True
        prepared = _vocabulary.PREPARED.search(cleaned)
        rest = _vocabulary.PREPARED.sub(" ", cleaned) if prepared else cleaned
        known = _vocabulary.BARE_CALLS.get(self.name)
        if _code_forms.calls(cleaned, self.clients, methods=True) or _code_forms.calls(bare, waiting):
            return True
        if not waiting:
            rest = _vocabulary.RESPONSES.sub(" ", rest)
        if _vocabulary.CALLS.search(rest) or _vocabulary.METHODS.search(rest) or (known and known.search(rest)):
            return not re.match(r"\s*(?:import|from|use|require|using|include)\b", text)
        ticks = re.search(r"`[^`]*(?:curl|wget)[^`]*`", text) if self.name in ("perl", "ruby", "php") else None
        return bool(ticks) or bool(
            _vocabulary.TOOLS.search(expanded) and _vocabulary.RUNS.search(bare) and flags & (ADDRESS | PATH)
        )

    def _request(self, one: Statement, text: str, expanded: str, flags: int, function: t.Optional[Function]) -> None:
        """Judge a statement that sends a request."""
        place = max(0, _notation.find_address(text), 0)
        line = one.line_of(place if place else self._place(text))
        added, more = self._sent(text)
        if more & ADDRESS and not flags & HEADER and more & HEADER:
            flags |= HEADER
        flags |= self._hooked(text)
        prepared, expanded, flags = text + added, expanded + added, flags | more
        if (
            flags & REQUEST
            and (not flags & HEADER or _vocabulary.PUT.search(expanded))
            and not _notation.ITEM.search(text)
        ):
            self.outcome.token()
            return
        if self._shell(one, text, expanded, flags):
            return
        uncertain = UNKNOWN if self._headers_unknown(prepared) else 0
        if uncertain and function is not None and flags & ADDRESS and not flags & HEADER and self._calls_of(function):
            function.deferred = (line, expanded, flags)
            return
        if flags & ADDRESS:
            self.outcome.request(line, expanded, flags | uncertain)
        elif flags & HEADER:
            self.outcome.token()
        elif _notation.WHOLE_PATH.search(expanded) and not _notation.names_other_host(expanded):
            self.outcome.unsure(line, expanded)
        if function is not None and (not flags & ADDRESS or set(function.parameters) & names(text)):
            function.token = function.token or bool(flags & HEADER)
            function.plain = function.plain or not flags & HEADER
        called = self._called(text, function)
        if called is not None and flags & HEADER == 0 and called.token and not called.plain:
            self.outcome.lines.pop(line, None)
            self.outcome.token()

    def _sent(self, text: str) -> t.Tuple[str, int]:
        """Return text and content of the prepared requests that a statement sends, which are no longer prepared."""
        raw = bool(_vocabulary.RAW_REQUEST.search(text))
        added, flags = "", 0
        for name in list(self.prepared) if raw else sorted(name for name in names(text) if name in self.prepared):
            _line, kept, held = self.prepared.pop(name)
            added, flags = added if raw else added + " " + kept, flags | held
        return added, flags

    def _shell(self, one: Statement, text: str, expanded: str, flags: int) -> bool:
        """Judge a command of the shell that a program runs; return whether there is one."""
        if not (_vocabulary.TOOLS.search(expanded) and flags & (ADDRESS | PATH)):
            return False
        if not _vocabulary.RUNS.search(outside(text)) and "`" not in text:
            return False
        inner = self.shell(re.sub(r"[\"'`]\s*,\s*[\"'`]", " ", expanded), one.line, self.values)
        if inner is None:
            return False
        line = one.line_of(max(0, _notation.find_address(text)))
        for what, certain in inner.lines.values():
            self.outcome.lines[line] = (what, certain)
        self.outcome.token_authenticated = self.outcome.token_authenticated or inner.token_authenticated
        return bool(inner.lines) or inner.token_authenticated

    def _returns(self, one: Statement, text: str, expanded: str, flags: int, function: Function) -> None:
        """Remember what a function returns: an address, a header, or a prepared request."""
        if flags & (ADDRESS | HEADER) and (
            _RESULT.search(text) or function.last == function.first or self.name in ("ruby", "rust", "java", "perl")
        ):
            function.returns |= flags & (ADDRESS | HEADER | PATH)
            if flags & ADDRESS and _notation.PATH.search(expanded) and self._builds(text, function):
                function.place = (one.line_of(self._spot(text)), expanded)
        returned = re.match(r"\s*return\s+[$&*]?(\w+)\s*\Z", text)
        if returned and returned.group(1) in self.prepared:
            function.request = self.prepared.pop(returned.group(1))

    def _other(self, one: Statement, text: str, expanded: str, flags: int, function: t.Optional[Function]) -> None:
        """Judge a statement that neither sends a request nor assigns a variable."""
        typed = function is not None and self.name in ("go", "java", "javascript")
        declared = _code_forms.declares(text) if typed else None
        if declared is not None:
            self.values.put(declared, "", 0, one.line, local=True)
            return
        if function is not None and not _code_forms.is_log(text):
            self._returns(one, text, expanded, flags, function)
        self._callback(text)
        if not _EXPORTS.match(text):
            self.outcome.mention(self.values.used)
        deferring = self._called(text, function)
        if deferring is not None and self._deferred(one.line, text, flags, deferring):
            return
        if not flags & ADDRESS or _vocabulary.ASSERTIONS.search(text):
            if flags & HEADER and not flags & ADDRESS and not _vocabulary.OUTPUT_CALLS.search(outside(text)):
                self.outcome.token()
            return
        if flags & REQUEST and not flags & HEADER:
            self.outcome.token()
            return
        line = one.line_of(self._spot(text))
        called = self._called(text, function)
        if called is not None:
            if not self.values.flags(text, expanded) & ADDRESS:
                return
            self.outcome.called(line, expanded, flags, called)
            return
        if _code_forms.is_log(text):
            return
        if not flags & HEADER and self._fetches(text, expanded, flags):
            self.outcome.unsure(line, expanded)
        elif not flags & HEADER and self._passes(text, expanded, flags):
            self.outcome.passed(line, expanded)
