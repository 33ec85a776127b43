# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judge the commands of shell scripts. No I/O.

Evidence is local: a token header counts for the command that sends it, wherever it was put into a variable or function.
"""

import re
import typing as t

from . import _notation, _vocabulary
from ._outcome import Functions, Outcome
from ._shell import Heredoc, commands, heredocs
from ._shell_words import (
    HEADERS,
    NO_TARGET,
    SHARES,
    WRITTEN,
    assignments,
    configures,
    file_name,
    first_word,
    last_line,
    may_request,
    passed,
    raw_tool,
    targets,
)
from ._statements import Statement, outside
from ._values import ADDRESS, HEADER, PATH, REQUEST, UNKNOWN, Values, branches

_DEFINED = re.compile(
    r"(?m)^(?P<indent>[ \t]*)(?:function[ \t]+(?P<word>[\w:.-]+)[ \t]*(?:\([ \t]*\))?|"
    r"(?P<name>[A-Za-z_][\w:.-]*)[ \t]*\([ \t]*\))[ \t]*\n?[ \t]*[{(]"
)
_ASSIGNED = re.compile(
    r"(?:(?:export|readonly|local|declare|typeset|set|setx|env)\s+(?:-\w+\s+)*)?\"?(?P<name>[A-Za-z_]\w*)(?P<sig"
    r"n>\+?)=(?P<value>.*)\Z",
    re.S,
)
_PREFIX = re.compile(r"(?:[A-Za-z_]\w*=(?!\()(?:\"[^\"]*\"|'[^']*'|[^\s\"'])*\s+)+(?=\S)")
_LOOP = re.compile(r"for\s+(?P<name>\w+)\s+in\s+(?P<values>.*)\Z", re.S)
_PRESET = re.compile(r":\s+[\"']?\$\{(?P<name>\w+):?=(?P<value>[^}]*)\}")
_PROGRAM = re.compile(
    r"\b(?P<name>python[\d.]*|perl|ruby|php|node|pwsh|lua)\s(?:[^\n'\"|;&]*?\s)?-(?:\w*c|\w*e|r|"
    r"Command)\s+(?P<quote>['\"])(?P<text>.*?)(?<!\\)(?P=quote)",
    re.S,
)
_REDIRECTED = re.compile(
    r"(?<![0-9&])>>?\s*[\"']?(?!&|/dev/(?:null|stderr|stdout|tty))[\w$/{.~]|\|"
    r"\s*(?:sudo\s+)?(?:tee|crontab|at|batch|(?:ba|da|z|k)?sh|ssh|python\w*)\b"
)
_DOCUMENT = re.compile(
    r"(?i)>\s*[\"']?\S*(?:motd|issue|readme|\.md|\.txt|\.log|\.html?|hosts|deny|block|\.rst|\.conf)\b"
)


class ShellJudge:
    """Judge one script; functions and variables of the whole script are known from a first pass."""

    def __init__(self, outcome: Outcome, nested: t.Callable[[Heredoc, str], None]) -> None:
        self.outcome, self.nested = outcome, nested
        self.values, self.functions = Values(), Functions()
        self.final, self.pending = False, ""
        # Names of files that the script writes with the token header.
        self.written: t.Set[str] = set()
        # What programs such as nc send to the service from here-documents, by the lines of the commands.
        self.sent: t.Dict[int, str] = {}

    def run(self, text: str, line: int = 1) -> None:
        """Judge a whole script."""
        body, inner = heredocs(text)
        for heredoc in inner:
            self._heredoc(heredoc, line)
        listed = commands(body, line)
        defined = [(line + body.count("\n", 0, found.start()), found) for found in _DEFINED.finditer(body)]
        for number, found in defined:
            width = len(found.group("indent").expandtabs(8))
            self.functions.define(
                found.group("word") or found.group("name"), number, last_line(body, found.end(), line), width
            )
        raw = "\n".join(one.text for one in listed if _vocabulary.RAW_REQUEST.search(one.text))
        outcome = self.outcome
        alternatives = [number + line - 1 for number in branches(body)]
        for final in (False, True):
            self.final, self.outcome = final, outcome if final else Outcome()
            self.values = Values(self.values.known)
            self.values.branches = alternatives
            for command in listed:
                self._command(command, raw)

    def _heredoc(self, one: Heredoc, line: int) -> None:
        """Judge a here-document by the command that reads it. *line* is the number of the first line of the script."""
        command = one.command
        first = first_word(command[: command.index("<<")]) if "<<" in command else ""
        to_file = re.search(r">>?\s*[\"']?[^&\s]", re.sub(r"<<-?\s*\S+|[0-9&]>\S*|>&\d|>>?\s*/dev/\S+", "", command))
        if (
            first == ":"
            or _DOCUMENT.search(command)
            or re.search(r"\b(?:nft|ip6?tables-restore|ipset|psql|mysql|sqlite3|dialog|read)\b", command)
        ):
            return
        piped = re.search(r"\|\s*(?:sudo\s+)?(?:(?:ba|da|z|k)?sh|ssh|python|perl|crontab|tee|at|sponge)\b", command)
        program = re.search(r"(?:^|[\s/;&|(])(python[\d.]*|perl|ruby|php|node|pwsh|lua|awk)\b", command)
        if program and first != "cat":
            self.nested(one, program.group(1))
        elif (
            to_file
            or piped
            or re.match(
                r"(?:(?:ba|da|z|k)?sh|ssh|su|sudo|chroot|at|batch|tee|crontab|docker|"
                r"kubectl|lxc|nsenter|install|dd)\Z",
                first,
            )
        ):
            target = re.search(r">>?\s*[\"']?([\w./${}-]+)|tee\s+(?:-\w+\s+)*[\"']?([\w./${}-]+)", command)
            self.nested(one, (target.group(1) or target.group(2)) if target else "sh")
        elif re.search(r"\b(?:nc|ncat|netcat|socat|telnet)\b|/dev/tcp/", command) and _notation.has_address(command):
            at = line + one.read_at - 1  # of several here-documents, one without the token decides
            self.sent[at] = min(self.sent.get(at, one.text), one.text, key=_notation.has_header)

    def _command(self, one: Statement, raw: str) -> None:
        """Judge one command: an assignment, a request, or neither."""
        text = one.text
        loop = _LOOP.match(text)
        preset = _PRESET.match(text)
        if loop or preset:
            found = loop.group("name", "values") if loop else preset.group("name", "value") if preset else ("", "")
            self._assign(one, found[0], found[1], False)
            return
        several = assignments(text)
        for name, value in several:
            self._assign(one, name, value, False)
        if several:
            return
        assigned = _ASSIGNED.match(text)
        prefix = _PREFIX.match(text)
        if assigned and not (
            prefix
            and prefix.end() < len(text)
            and not re.match(r"(?:export|local|readonly|declare|typeset|set)\s", text)
        ):
            self._assign(one, assigned.group("name"), assigned.group("value"), bool(assigned.group("sign")))
            return
        program = _PROGRAM.search(text)
        if program and self.final:
            self.nested(
                Heredoc(text, program.group("text"), one.line + text.count("\n", 0, program.start("text"))),
                program.group("name"),
            )
            return
        self._judge(one, text[prefix.end() :] if prefix else text, raw)

    def _assign(self, one: Statement, name: str, value: str, add: bool) -> None:
        """Remember a variable."""
        expanded = self.values.expand(value, code=False)
        self.values.used.clear()
        flags = self.values.flags(value, expanded)
        self.outcome.mention(self.values.used.difference([name]))
        if _vocabulary.DENIED.search(re.sub(r"([a-z])([A-Z])", r"\1_\2", name)) or re.match(r"(?i)no_?proxy", name):
            flags &= HEADER
        for called in re.findall(r"\$\((\w+)|`(\w+)", value):
            flags |= self.functions.returned(called[0] or called[1])
        literal = value.strip().strip("\"'")
        # The command in a substitution follows; what it prints is the value.
        self.pending = name if "\u00a7" in value else ""
        self.values.put(name, expanded.strip().strip("\"'()") if literal else "", flags, one.line, add)
        if flags & ADDRESS and self.final:
            self.outcome.defined(name, one.line, expanded, flags)

    def _judge(self, one: Statement, text: str, raw: str) -> None:
        """Judge a command that is no assignment."""
        first = first_word(text)
        expanded = self.values.expand(text, code=False)
        sends = _vocabulary.TOOLS.search(expanded)
        expanded, seen = (targets(expanded), targets(text)) if sends else (expanded, text)
        self.values.used.clear()
        flags = self.values.flags(seen, expanded)
        function = self.functions.at(one.line)
        called = self.functions.named(first)
        pending, self.pending = self.pending, ""
        if pending and first in ("echo", "printf", "print") and flags & ADDRESS:
            self.values.put(pending, expanded.partition(first)[2].strip().strip("\"'"), flags, one.line)
            return
        if flags & ADDRESS and configures(first, expanded):
            self.outcome.unsure(one.line_of(self._place(text)), expanded)
        if self._only_output(first, text, expanded):
            if function and flags & (HEADER | ADDRESS):
                function.returns |= flags & (HEADER | ADDRESS | PATH)
            self._output(first, text, flags)
            return
        self.outcome.shared = self.outcome.shared or first in SHARES
        line = one.line_of(self._place(text))
        tool = _vocabulary.TOOLS.search(expanded) and not _vocabulary.NOT_RUN.search(expanded)
        if "/dev/tcp/" in expanded or "/inet/" in expanded or raw_tool(expanded):
            raw = self.sent.get(one.line, raw)
            if flags & ADDRESS and raw and not _notation.PATH.search(expanded):
                flags |= (HEADER if _notation.has_header(self.values.expand(raw, code=False)) else 0) | PATH
                expanded += " " + raw
        if tool:
            self._request(line, text, expanded, flags, function)
        elif called is not None and called is not function and flags & ADDRESS:
            self.outcome.called(line, expanded, flags, called)
        elif flags & ADDRESS and first not in _vocabulary.OTHER_COMMANDS and may_request(text, first, expanded):
            self.outcome.unsure(line, expanded)
        self.outcome.mention(self.values.used)

    def _output(self, first: str, text: str, flags: int) -> None:
        """Remember what a command writes to a file, and the variables that it prints or shares."""
        written = WRITTEN.search(text) if flags & HEADER else None
        if written:
            self.written.add(file_name(written.group("file")))
        self.outcome.shared = self.outcome.shared or first in SHARES
        if first not in SHARES and first not in _vocabulary.OUTPUT_COMMANDS:
            self.outcome.mention(self.values.used)
        self.outcome.print(self.values.used)

    def _request(self, line: int, text: str, expanded: str, flags: int, function: t.Any) -> None:
        """Judge a command that sends a request."""
        if flags & REQUEST and (not flags & HEADER or _vocabulary.PUT.search(expanded)):
            self.outcome.token()
            return
        uncertain = self._headers_unknown(text)
        if any(
            file_name(found.group("read") or found.group("file")) in self.written for found in HEADERS.finditer(text)
        ):
            flags |= HEADER
        if flags & ADDRESS:
            self.outcome.request(line, expanded, flags | (UNKNOWN if uncertain else 0))
        elif _notation.WHOLE_PATH.search(expanded) and not flags & HEADER and not _notation.names_other_host(expanded):
            self.outcome.unsure(line, expanded)
        elif flags & HEADER:
            self.outcome.token()
        if function is not None and not flags & REQUEST:
            function.token = function.token or bool(flags & HEADER)
            function.plain = function.plain or not flags & HEADER
            function.unknown = function.unknown or uncertain

    def _place(self, text: str) -> int:
        """Return the place of the address in a command, or of the first variable that holds it."""
        place = _notation.find_address(NO_TARGET.sub(lambda found: " " * len(found.group()), text))
        if place >= 0:
            return place
        for found in re.finditer(r"\$\{?(\w+)", text):
            value = self.values.get(found.group(1))
            if value is not None and value.flags & ADDRESS:
                return found.start()
        return 0

    def _headers_unknown(self, text: str) -> bool:
        """Return whether the command takes arguments or headers whose content is not known."""
        headers = HEADERS.search(text)
        if headers:
            return (
                bool(headers.group("file") or headers.group("read"))
                or self.values.get(headers.group("first").strip("${@")) is None
            )
        return any(not name or self.values.get(name) is None for name in passed(text))

    def _only_output(self, first: str, text: str, expanded: str) -> bool:
        """Return whether a command only prints or mentions the address."""
        if first in _vocabulary.OUTPUT_COMMANDS:
            bare = outside(text)
            if _vocabulary.TOOLS.search(bare):
                return False
            written = _REDIRECTED.search(bare) or _REDIRECTED.search(text)
            return not written or bool(_DOCUMENT.search(text)) or not _vocabulary.TOOLS.search(expanded)
        return first in _vocabulary.OTHER_COMMANDS and not _vocabulary.TOOLS.search(outside(text))
