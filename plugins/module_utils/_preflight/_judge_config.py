# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judge configuration files: an address in one is a request if the value is a URL that a program sends as it is. No I/O."""

import bisect
import re
import typing as t

from . import _notation, _vocabulary
from ._config_lines import SECTION, Line, braces, command_of, lines, programs, references
from ._outcome import Outcome
from ._ranges import Ranges
from ._values import ADDRESS, HEADER, PATH, REQUEST, Values, text_flags

_KEY = re.compile(r"[\"']?(?P<key>[\w.@/ -]+?(?:\[[^\]]*\])?)[\"']?\s*(?:=>|:=|[:=]|\s)\s*")
_YAML_KEY = re.compile(r"(?P<dash>(?:-\s+)*)[\"']?(?P<key>[\w.@/-]+)[\"']?\s*[:=]\s*(?P<value>.*)\Z")
# A value that a program requests as it is.
_ACTIVE = re.compile(
    r"(?i)(?:^|[^a-z])(?:url|urls|uri|uris|http|https|get|fetch|proxy_?pass|proxypass\w*|proxypassmatch|rewriterule|"
    r"src|source|target|targets|href|location"
    r"|request|probe|check|checks|healthcheck|endpoint_url|add|include|script|command|cmd|exec|address|download|"
    r"remote|server|scrape|metadata_url|_raw_params|import)(?![a-z])"
)
_ENDPOINT = re.compile(
    r"(?i)endpoint|imds|metadata|meta_?data|base|host|server|addr|url|uri|ecs|aliyun|alibaba|alicloud"
)
_PROXY = re.compile(
    r"(?i)\b(?:proxy_pass|fastcgi_pass|ProxyPass(?:Match)?|reverse_proxy|RewriteRule|url_get_contents)\b"
)
_STRICT = re.compile(
    r"(?i)(?:^|[\s_.])(?:uris?|get|proxy_?pass|src|http)\Z|(?:^|\s)(?:uri|get_url|http)\s+(?:- )?url\Z"
)
# What a proxy connects to.
_BACKENDS = re.compile(r"(?i)\b(?:clusters?|upstreams?|backends?|load_?balancer|lb_endpoints|services)\b")
# A path that a check or probe requests.
_REQUESTED = re.compile(
    r"(?i)^(?:-\s+)?[\"']?(?:path|request|uri|url|metrics_path|http_?path|endpoint|query|location)[\"']?\s*[:=]\s*[\"']?/"
    r"|\brequest\s+[\"']/"
)
_BACKEND = re.compile(r"server\s+\S+\s+\S+")
_UPSTREAM = re.compile(r"(?im)^\s*(?:upstream|backend)\s+(?P<name>[\w.-]+)\s*\{(?P<body>[^}]*)\}")


Shell = t.Callable[[str, int, Values], t.Optional[Outcome]]
Inner = t.Callable[[str, str, int], None]


def judge(outcome: Outcome, text: str, shell: Shell, inner: Inner) -> None:
    """Judge a configuration file whose comments are blanked.

    *shell* judges a command, and *inner* a file in the file: its text, its name, and the number of its first line.
    """
    _Judge(outcome, text, shell, inner).run()


class _Judge:
    """Judge one file; the evidence for a token is that of the same block."""

    def __init__(self, outcome: Outcome, text: str, shell: Shell, inner: Inner) -> None:
        self.outcome, self.shell, self.inner = outcome, shell, inner
        self.text = text
        self.lines = list(lines(text))
        self.values = Values()
        self.blocks = braces(text)
        self._ranges = Ranges(self.blocks)
        self._references = references(text)
        self._backends = bool(re.search(r"(?m)^[ \t]*(?:backend|listen)\b", text))
        # Numbers of lines with the token header, and the block of lines found last for each indentation.
        self._headed = [line.number for line in self.lines if _notation.has_header(line.text)]
        self._block: t.Dict[int, t.Tuple[int, int]] = {}
        # Lists of addresses of several clouds, or of other spellings, are attacks or rules against them.
        self.lists_others = bool(re.search(r"169\.254\.169\.254|127\.0\.0\.1|metadata\.google", text))
        self.file_denies = bool(
            re.search(
                r"(?i)kind:\s*(?:Global)?NetworkPolicy|security_group_rule|SecRule|"
                r"\biptables\b|\bjump:|http_access",
                text,
            )
        )

    def run(self) -> None:
        """Judge all lines."""
        for block in _UPSTREAM.finditer(self.text):
            if _notation.has_address(block.group("body")):
                self.values.put(block.group("name"), "", ADDRESS, 0)
        listed = list(programs(self.text))
        done: t.Set[int] = set()
        for program in listed:
            done.update(range(program.first, program.first + len(program.lines)))
        self.lines = [line for line in self.lines if line.number not in done]
        for line in self.lines:
            key = _YAML_KEY.match(line.text)
            if key and _notation.has_address(key.group("value")) and not self._denied(line):
                value = key.group("value").strip().strip("\"',")
                self.values.put(key.group("key"), value, text_flags(value), line.number)
        for program in listed:
            filled = [self.values.expand(line, code=False) if "{{" in line else line for line in program.lines]
            self.inner("\n".join(filled), program.name, program.first)
        for place, line in enumerate(self.lines):
            self._line(place, line)

    def _line(self, place: int, line: Line) -> None:
        """Judge one line."""
        expanded = self.values.expand(line.text, code=False)
        flags = text_flags(expanded)
        upstream = re.search(r"https?://([\w.-]+)", line.text)
        if upstream and self.values.get(upstream.group(1)) is not None:
            flags |= ADDRESS
        if not flags & ADDRESS:
            if flags & HEADER:
                self.outcome.token()
            elif re.search(r"\bcurl\b|\bwget\b", expanded) and _notation.WHOLE_PATH.search(expanded):
                self._command(line, expanded)
            return
        if self._denied(line) or self._documented(line):
            return
        self.outcome.mention(self.values.used)
        if _vocabulary.TOOLS.search(expanded) or re.search(r"\burl[o]pen|requests\.get|/dev/tcp", expanded):
            self._command(line, expanded)
        elif flags & REQUEST:
            self.outcome.token()
        elif self._with_header(place, line):
            self.outcome.token()
        else:
            self._value(place, line, expanded, flags)

    def _command(self, line: Line, expanded: str) -> None:
        """Judge a line with a command."""
        inner = self.shell(command_of(expanded), line.number, self.values)
        if inner is not None:
            for what, certain in inner.lines.values():
                self.outcome.lines[line.number] = (what, certain)
            self.outcome.token_authenticated = self.outcome.token_authenticated or inner.token_authenticated

    def _value(self, place: int, line: Line, expanded: str, flags: int) -> None:
        """Judge a value that is no command."""
        if re.match(r"[\"'(\[]*(?:https?://|\d|[\[(]?[\da-f]*:)", line.text) and not line.keys:
            self._listed(line, expanded)
            return
        found = _YAML_KEY.match(line.text)
        keys = (
            " ".join(line.keys)
            + " "
            + (found.group("key") if found else line.text[: _notation.find_address(line.text)])
        )
        url = "://" in expanded or _notation.PATH.search(expanded)
        used = found is not None and found.group("key") in self._references
        if used:
            return
        if not flags & PATH and self._path_beside(place):
            self.outcome.request(line.number, self._path_beside(place), flags | PATH)
        elif _PROXY.search(expanded) or re.search(r"(?i)\blookup\(\s*['\"]url|http\.query", expanded):
            self.outcome.request(line.number, expanded, flags | PATH)
        elif _BACKEND.match(line.text) and self._backends:
            self.outcome.request(line.number, expanded, flags)
        elif (
            flags & PATH
            and (_notation.ITEM.search(expanded) or _STRICT.search(keys))
            and (_ACTIVE.search(keys) or _ENDPOINT.search(keys))
        ):
            self.outcome.request(line.number, expanded, flags)
        elif url and (_ENDPOINT.search(keys) or _ACTIVE.search(keys)) and not re.search(r"(?i)ansible_host", keys):
            self.outcome.unsure(line.number, expanded)
        elif _BACKENDS.search(" ".join(line.keys)) and re.search(r"(?i)address|host|server|target|url", line.text):
            self.outcome.unsure(line.number, expanded)
        elif (
            _ENDPOINT.search(keys)
            and re.search(r"(?i)imds|metadata|meta", keys)
            and not re.search(r"(?i)extra|route|ip\b|ansible_(?:ssh_)?host", keys)
        ):
            self.outcome.unsure(line.number, expanded)

    def _path_beside(self, place: int) -> str:
        """Return the line of the same block that requests a path of the service; empty without one."""
        line = self.lines[place]
        brace = self._ranges.innermost(line.number)
        if brace is not None:
            first, last = self.blocks[brace]
            block = [one for one in self.lines[max(0, place - 40) : place + 40] if first <= one.number <= last]
        else:
            begin, end = self._around(place, line)
            block = self.lines[max(begin, place - 40) : min(end + 1, place + 40)]
        for one in block:
            if (
                _REQUESTED.search(one.text)
                and _notation.WHOLE_PATH.search(one.text)
                and not _notation.has_address(one.text)
            ):
                return one.text
        return ""

    def _listed(self, line: Line, expanded: str) -> None:
        """Judge a line that is nothing but an address: the file lists addresses, for a purpose that it does not show."""
        if not self.lists_others and "://" in expanded:
            self.outcome.unsure(line.number, expanded)

    def _denied(self, line: Line) -> bool:
        """Return whether the line lists what must not be reached, or is otherwise no request."""
        before = line.text[: max(0, _notation.find_address(line.text))]
        keys = re.sub(r"([a-z])([A-Z])", r"\1_\2", " ".join(line.keys) + " " + before)
        after = re.search(r"(?i)\b(?:deny|block|drop|reject|return\s+40\d|status:403|403)\b", line.text)
        if (
            self.file_denies
            and not _vocabulary.TOOLS.search(line.text)
            and not re.search(r"(?i)\b(?:url|uri)\s*:|proxy_pass", line.text)
        ):
            return True
        whole = re.sub(r"https?:\S*", "", keys)
        tool = _vocabulary.TOOLS.search(whole)
        return bool((_vocabulary.DENIED.search(whole) or after) and not tool)

    def _documented(self, line: Line) -> bool:
        """Return whether the line is text for people."""
        before = line.text[: max(0, _notation.find_address(line.text))]
        if re.match(r"(?:location[^{]*\{\s*)?(?:return\s+\d|add_header|log_format|echo\b|print\b)", before):
            return True
        if re.search(r"\{\{.*lookup", before) or _vocabulary.TOOLS.search(before):
            return False
        keys = re.findall(r"[\"']?([\w-]+)[\"']?\s*[:=]", before.rpartition("{")[2] or before) or [
            " ".join(line.keys[-1:])
        ]
        return bool(_vocabulary.DOCUMENTED.search(keys[-1]))

    def _with_header(self, place: int, line: Line) -> bool:
        """Return whether the block of the line, or a table of headers in it, sends the token header."""
        section = line.keys[0] if line.keys else ""
        for one in self.lines[place + 1 : place + 60] if section else ():
            if SECTION.match(one.text) and not one.text.strip("[] ").startswith(section + "."):
                break
            if one.number in self._headed and one.keys[0].startswith(section + "."):
                return True
        brace = self._ranges.innermost(line.number)
        if brace is not None:
            return self._has_header(*self.blocks[brace])
        begin, end = self._block.get(line.indent, (-1, -1))
        if not begin <= place <= end:
            begin, end = self._block[line.indent] = self._around(place, line)
        return self._has_header(self.lines[begin].number, self.lines[end].number)

    def _has_header(self, first: int, last: int) -> bool:
        """Return whether one of these lines sends the token header."""
        place = bisect.bisect_left(self._headed, first)
        return place < len(self._headed) and self._headed[place] <= last

    def _around(self, place: int, line: Line) -> t.Tuple[int, int]:
        """Return the places of the first and last line of the block around a line."""
        begin = end = place
        while begin and not self._separates(self.lines[begin], line) and self._belongs(self.lines[begin - 1], line):
            begin -= 1
        while (
            end + 1 < len(self.lines)
            and self._belongs(self.lines[end + 1], line)
            and not self._separates(self.lines[end + 1], line)
        ):
            end += 1
        return begin, end

    @staticmethod
    def _separates(one: Line, line: Line) -> bool:
        """Return whether the item of *line* ends where *one* begins."""
        return bool(SECTION.match(one.text)) or (one.text.startswith("- ") and one.indent < max(1, line.indent))

    @staticmethod
    def _belongs(one: Line, line: Line) -> bool:
        """Return whether *one* may be in the same block as *line*."""
        return one.indent >= line.indent - 2 or bool(one.text.startswith("- "))
