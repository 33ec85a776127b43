# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find words and ends of functions in commands of the shell. No I/O."""

import re
import typing as t

from .._imds._service import ADDRESS
from . import _notation, _vocabulary

_RUNNERS = re.compile(
    r"\s*(?:@?-?\+?(?:sudo|env|exec|command|builtin|nohup|time|nice|ionice|timeout|stdbuf|chroot|setsid|eatmydata|"
    r"unbuffer|proxychains|spawn|run|retry|busybox)(?:\s+-\S+(?:\s+\d+)?|\s+[A-Z_]+=\S+|\s+\d+[smh]?)*\s+)+"
)

# Arguments that name a host without a request to it, or hold data.
NO_TARGET = re.compile(
    r"(?:--noproxy|--data(?:-\w+)?|--form|-F|-d|--resolve|--referer|-e|--post-data|--body-data)(?:\s+|=)(?:\"[^\"]*\"|"
    r"'[^']*'|[^\s\"']+)"
    r"|\b(?:no_proxy|NO_PROXY)=(?:\"[^\"]*\"|'[^']*'|\S*)"
)
HEADERS = re.compile(
    r"(?:-H|--header|--headers|-Headers)[ =]*[\"']?(?:@(?=[\"'$./])(?P<read>[\"']?[^\s;|&]+)|(?P<first>[$@]\{?\w+))"
    r"|(?:-K|--config|-K\S+)[ =]*(?P<file>\S+)"
)
WRITTEN = re.compile(r"(?<![0-9&])>>?\s*(?P<file>[\"']?[\w$/{.~][^\s;|&]*)")
_PASSED = re.compile(
    r"[\"']?(?:\$\{?(?P<all>[@*])\}?|\$\{(?P<many>\w+)\[[@*]\]\}|\$\{?(?P<one>\w+)\}?|\$\{(?P<maybe>\w+):?\+.*|@(?P<splat>\w+))[\"']?\Z"
)
_OPTIONAL = re.compile(r"(?i)opt|arg|hdr|head|auth|flag|extra|curl|param|token")
# Commands that give variables to other programs and files.
SHARES = frozenset(["export", ".", "source", "readonly", "declare", "typeset"])
# In fish and csh.
_SET = re.compile(
    r"(?:set|setenv)\s+(?:-\w+\s+|--\w+\s+)*(?P<name>[A-Za-z_]\w*)(?:\s+=)?\s+(?P<value>[\"']?(?:https?:|[\d$(]).*)\Z",
    re.S,
)
_SEVERAL = re.compile(
    r"(?:export|readonly|local|declare|typeset)\s+(?:-\w+\s+)*(?P<words>(?:[A-Za-z_]\w*=(?:\"[^\"]*\"|'[^']*'|[^\s\"'(])*\s+){1,50}"
    r"[A-Za-z_]\w*=.*)\Z",
    re.S,
)
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>(?:\"[^\"]*\"|'[^']*'|[^\s\"'])*)")
_QUERY = re.compile(r"(?P<host>https?://[\w.:@\[\]-]+)(?:/[^\s\"'?]*)?\?[^\s\"']*")
_RESOLVED = re.compile(r"--resolve[ =]+[\"']?\+?(?P<name>[\w.-]+):\d+:(?P<address>[^\s\"']+)")
_SETTING = re.compile(r"[\w.-]+\s*[=:]\s*\\?[\"']?https?://")
_WORD = re.compile(r"(?:\"[^\"]*\"|'[^']*'|[^\s\"'])+")
_HELP_FUNCTION = re.compile(r"(?i)usage|help|die|fail|err|warn|log|say|version|about")


def first_word(text: str) -> str:
    """Return the name of the command, without those that only run another."""
    text = _RUNNERS.sub("", text, 1) if _RUNNERS.match(text) else text
    word = re.match(r"[\s@({-]*[\"']?([^\s\"';|&<>(]+)", text)
    return word.group(1).rpartition("/")[2] if word else ""


def raw_tool(text: str) -> bool:
    """Return whether a tool of raw connections is run."""
    return bool(re.search(r"(?<![\w.-])(?:nc|ncat|netcat|socat|telnet)\s", text))


def last_line(text: str, place: int, line: int) -> int:
    """Return the number of the last line of a function whose body begins at *place*."""
    depth, at = 1, place
    for found in re.finditer(r"\$?\{[^\s{}]*\}|'[^'\n]*'|\{|\}", text[place : place + 20000]):
        at = place + found.start()
        if found.group() in "{}":
            depth += 1 if found.group() == "{" else -1
        if not depth:
            break
    return line + text.count("\n", 0, at)


def assignments(text: str) -> t.List[t.Tuple[str, str]]:
    """Return names and values of a declaration of several variables, or of one in fish; empty for any other command."""
    one = _SET.match(text)
    if one:
        return [(one.group("name"), one.group("value"))]
    several = _SEVERAL.match(text)
    return [found.group("name", "value") for found in _ASSIGNMENT.finditer(several.group("words"))] if several else []  # type: ignore[misc]


def targets(text: str) -> str:
    """Return a command without what names a host that it sends no request to: options, data, and queries to other hosts."""
    resolved = _RESOLVED.search(text)
    if resolved and _notation.has_address(resolved.group("address")):
        text = text.replace("://" + resolved.group("name"), "://" + ADDRESS)
    text = NO_TARGET.sub(" ", text)
    return _QUERY.sub(lambda url: url.group() if _notation.has_address(url.group("host")) else url.group("host"), text)


def configures(first: str, text: str) -> bool:
    """Return whether a command with the name *first* writes a URL of the service as a setting of another program."""
    if _vocabulary.DENIED.search(re.sub(r"https?:\S*", "", text)) or not _notation.PATH.search(text):
        return False
    if first in ("sed", "gsed", "perl", "crudini", "augtool", "yq"):
        replaced = re.search(
            r"\bs(?P<mark>[|#,@/!~])(?:\\.|(?!(?P=mark)).)*(?P=mark)(?P<by>(?:\\.|(?!(?P=mark)).)*)", text
        )
        inserted = replaced is None or _notation.has_address(replaced.group("by"))
        return bool(inserted and re.search(r"\s(?:-\w*i\b|-i\S*|--in-place|--set|set)\s", text))
    written = WRITTEN.search(text)
    return bool(
        first in ("echo", "printf") and written and _SETTING.search(text) and not _vocabulary.TOOLS.search(text)
    )


def passed(text: str) -> t.Iterator[str]:
    """Yield the names of variables that are whole arguments and may hold options; an empty name for all arguments."""
    for word in _WORD.findall(text):
        found = _PASSED.match(word)
        if found is None:
            continue
        name = found.group("many") or found.group("one") or found.group("maybe") or found.group("splat")
        if found.group("all"):
            yield ""
        elif name and _OPTIONAL.search(name) and not name.isdigit():
            yield name


def file_name(text: t.Optional[str]) -> str:
    """Return the name of a file without quotes and braces."""
    return re.sub(r"[\"'{}]", "", text or "")


def may_request(text: str, first: str, expanded: str) -> bool:
    """Return whether a command that is not known, with the name *first*, may request the address in it."""
    if not _notation.PATH.search(expanded) and "://" not in expanded:
        return False
    if re.match(r"[\"']?https?://", text):
        return True
    named = re.search(r"[A-Za-z_/.]", first) and not _vocabulary.DENIED.search(first)
    return bool(named and not _HELP_FUNCTION.search(first))
