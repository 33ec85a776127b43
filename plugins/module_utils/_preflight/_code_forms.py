# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recognize forms of statements: declarations of local variables, parsed answers, request objects, log messages. No I/O."""

import re
import typing as t

from ._statements import outside

# Languages whose variables are local to the function that assigns them, unless a prefix or a statement shows another scope.
_IMPLICIT = {
    "python": re.compile(
        r"\s*(?:async\s+)?(?:with\s|for\s|\(?[A-Za-z_]\w*(?:\s*,\s*\*?[A-Za-z_]\w*)*\)?\s*(?::[^=]*)?=(?!=))"
    ),
    "ruby": re.compile(r"\s*[a-z_]\w*(?:\s*,\s*[a-z_]\w*)*\s*=(?![=~>])"),
    "php": re.compile(r"\s*\$(?!this\b)\w+\s*=(?![=>])"),
    "powershell": re.compile(r"\s*(?:\[[\w.\[\]]+\]\s*)?\$(?!script:|global:|env:|this\b)\w+\s*="),
    "tcl": re.compile(r"\s*set\s+\w+\s"),
}
# A type or a keyword before the name.
_DECLARED = re.compile(r"\s*(?:[\w<>\[\]:*&?.]+,?\s+)+[&*$@%]?[A-Za-z_]\w*\s*(?::\s*[^=]+)?=(?![=>])|[^=\"']*:=")
_DECLARATION = re.compile(
    r"\s*(?:var\s+(?P<go>\w+)\s+[*\[\]\w.]+|"
    r"(?!(?:return|throw|package|import|break|goto|continue|yield|await|delete|raise|del|assert|use|using|puts|print|echo|case|else|new|"
    r"global|nonlocal|require|include|from|not|defer|go|pass)\b)[A-Za-z_][\w:<>.]*(?:\[\])?[\s*&]+(?P<name>[a-z_]\w*))\s*;?\Z"
)
_PARSED = re.compile(
    r"(?i)\bjson\.loads?\b|\.json\s*\(|\bJSON\.parse|from_?json|decode_json|json_decode|yaml\.(?:safe_)?load|safe_load"
    r"|unmarshal|parseobject|new\s+jsonobject|jsondocument|jsonslurper|readtree|readvalue|ast\.literal_eval"
)
_OBJECT = re.compile(
    r"\s*[$@]?(?P<name>[A-Za-z_]\w*)(?:(?:\.|->)headers?)?(?:\.|->|\[\s*[\"':])(?:set_?)?"
    r"(?P<key>urls?|uri|host|hostname|domain|endpoint|base_?url|address|pathname|path)\b[\"']?\s*\]?\s*=(?![=>])",
    re.I,
)
_REQUEST = re.compile(r"(?i)req(?![a-z])|request|curl|httpconnection|easy\b")
_SENDER = re.compile(
    r"(?i)(?<![\w])(?:\w+(?:\.|->|::))*(?:async_|a)?(?:do|send|exec(?:ute)?|perform|invoke|submit|dispatch|sync_?invoke)"
    r"(?:_?[A-Za-z]\w*)?\s*\(\s*(?:\w+\s*,\s*)?[&*$]?(?P<name>\w+)\s*[,)]"
)
_CALL = re.compile(r"(?<![\w.])(\w+)\s*\(")
_METHOD = re.compile(r"(?<![\w.])(\w+)(?:\.(?:get|head|request|url[o]pen|open|fetch|send))?\s*\(")
_LOG = re.compile(
    r"(?i)\s*(?:\w+(?:\([^()]*\))?(?:\.|->|::))*(?:\w*log\w*|console)\b(?:\([^()]*\))?(?:(?:\.|->|::)\w+(?:\([^()]*\))?)*(?:\.|->|::)"
    r"(?:error|warn|info|debug|fatal|print|trace|panic)\w*\s*\(|\s*(?:LOG|SPDLOG|NSLog|Q)_?(?:ERROR|WARN|INFO|DEBUG|TRACE)\w*\s*\("
)
# An element that a program takes out of an answer: a key such as "AccessKeyId" is no path.
_KEYED = re.compile(r"(?:\.|->)(?:get|opt)\w*\(\s*[\"'][A-Z]\w*[\"']\s*(?=[,)])")
# The key of an element is no URL, except in a cache.
_OF_URL = re.compile(r"(?i)\b(?!\w*cache)\w+(?:\.|->)get\(\s*(?=[rbfu]?[\"'`]https?://)")
# What sends or extends the requests of a client.
_HOOK = re.compile(
    r"(?i)\b(?:auth|transport|interceptors?|middlewares?|adapters?|filters?|hooks?|plugins?|handlers?|mount|use|install)\b"
)
_ALIAS = re.compile(
    r"(?i)\s*(?:(?:const|let|var|my|local)\s+)?(?P<name>\w+)\s*=\s*(?:(?:\w+\.)*(?:partial|promisify|retry|cached?|lru_cache)\(\s*)?"
    r"(?:requests|httpx|axios|https?|urllib\.request|session|client)\.(?:get|url(?:open)|request)\b\s*(?:[,)].*)?\Z",
    re.S,
)


def is_local(language: str, text: str, shared: t.Container[str] = ()) -> bool:
    """Return whether a statement in a function assigns a variable of this function; *shared* names are of the whole file."""
    implicit = _IMPLICIT.get(language)
    if implicit is not None and not implicit.match(text):
        return False
    return (implicit is not None or bool(_DECLARED.match(text))) and not any(
        name in shared for name in re.findall(r"\w+", text.partition("=")[0])
    )


def declares(text: str) -> t.Optional[str]:
    """Return the name of a local variable that a statement declares without a value."""
    found = _DECLARATION.match(text)
    return (found.group("go") or found.group("name")) if found else None


def shared_names(text: str) -> t.Set[str]:
    """Return the names that functions declare as variables of the whole file."""
    return {
        name
        for found in re.findall(r"(?m)^[ \t]*(?:global|nonlocal|variable|upvar)[ \t]+([$\w ,]+)", text)
        for name in re.findall(r"\w+", found)
    }


def is_parsed(value: str) -> bool:
    """Return whether a value is data of a parsed text, which is never an address to read from."""
    return bool(_PARSED.search(value))


def request_object(text: str) -> t.Optional[str]:
    """Return the name of the object whose address or path a statement sets."""
    found = _OBJECT.match(text)
    return None if found is None or found.group("name") in ("self", "this", "cls") else found.group("name")


def creates_request(value: str) -> bool:
    """Return whether a value creates a request object, by the names in it."""
    return (
        bool(_REQUEST.search(value))
        and "(" in value
        or bool(re.search(r"(?i)\bnew\s+\w*request|&?\w*request\s*\{", value))
    )


def sends(text: str, objects: t.Container[str]) -> bool:
    """Return whether a call in *text* sends one of the request *objects*."""
    return any(found.group("name") in objects for found in _SENDER.finditer(text))


def calls(text: str, known: t.Container[str], methods: bool = False) -> bool:
    """Return whether *text* calls one of the *known* functions, or with *methods* the method of an object that sends a request."""
    return any(found.group(1) in known for found in (_METHOD if methods else _CALL).finditer(text))


def is_log(text: str) -> bool:
    """Return whether a statement only writes a log message."""
    return bool(_LOG.match(text))


def without_elements(text: str, data: t.Container[str]) -> str:
    """Return *text* without the calls that take an element out of an answer, or of the variables in *data*."""
    text = _KEYED.sub("(", text)
    return re.sub(
        r"(?<![\w.])[$@]?(\w+)(?:\.|->)(?:get|fetch|open|call)\b",
        lambda found: " " if found.group(1) in data else found.group(),
        text,
    )


def gets_url(expanded: str) -> bool:
    """Return whether a statement calls ``get`` with a URL: then also an object with the name of a collection is a client."""
    return "\u00a7" in outside(_OF_URL.sub("\u00a7(", expanded))


def hooks(text: str) -> bool:
    """Return whether a statement gives an object to the requests of a client."""
    return bool(_HOOK.search(text))


def alias(text: str) -> t.Optional[str]:
    """Return the name under which a statement keeps a function that sends requests."""
    found = _ALIAS.match(text)
    return found.group("name") if found else None
