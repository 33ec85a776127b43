# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spellings of the metadata service's addresses, paths and token header in texts. No I/O."""

import base64
import re
import typing as t

from .._imds._service import ADDRESS, ADDRESS_IPV6, TOKEN_HEADER, TOKEN_PATH, VERSIONS
from ._numeric import NUMBER, NUMBER_ENDS, NUMBER_HINTS, NUMBER_STARTS, is_service_number, is_service_v6

_OCTETS = ADDRESS.split(".")
# Also as a list of numbers; with the same separator each time, so that other numbers are no address. Not a network such as /32,
# not a name below another domain, not a pattern with escaped dots.
_DOTTED = re.compile(
    r"(?<![\d.\\])%s(?P<between>[^\w\\]{1,4})%s(?P=between)%s(?P=between)%s(?!\d|\.\w)(?P<network>/\d{1,2}\b)?"
    % tuple(_OCTETS)
)
_COLONS = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]{1,40}(?:\.\d{1,3}){0,3}(?![\w:]|/\d)")
_KINDS = "meta-data|user-data|vendor-data|dynamic|maintenance|global-config"
_VERSION = "|".join(re.escape(version) for version in VERSIONS)
PATH = re.compile(
    r"(?i)\bmeta-data\b|\buser-data\b|\bvendor-data\b|instance-identity|\bglobal-config\b|active-system-events"
)
# A version and a kind; only these mean the service without its address.
WHOLE_PATH = re.compile(r"(?i)\b(?:%s)/+(?:%s)\b" % (_VERSION, _KINDS))
# More than the directory that holds all items.
ITEM = re.compile(
    r"(?i)meta-data/+[\w{$%<(]|user-data\b|vendor-data\b|instance-identity|active-system-events|global-config/"
)
TOKEN_REQUEST = re.compile(re.escape(TOKEN_PATH.partition("/" + VERSIONS[0])[2]).replace("/", "/+") + r"\b", re.I)
_HEADER = "[-_]".join(re.escape(part) for part in TOKEN_HEADER.split("-"))
HEADER = re.compile(r"(?i)%s(?![-_]?ttl)" % _HEADER)
TTL = re.compile(r"(?i)%s[-_]?ttl" % _HEADER)
# A header without a value is not sent (curl) or holds no token.
_EMPTY_HEADER = re.compile(
    r"(?i)%s(?:\s*[:;]\s*(?=[\"'](?:\s*[,)\]}]|\s*$|\s+[^.+&~<\s]))|[\"']?\s*(?:[:=,]|=>)?\s*(?:\"\"|'')(?=[\s,;)\]}]|$))"
    % _HEADER
)
_OTHER_HOST = re.compile(r"(?i)https?://(?:[a-z\d-]+\.)+[a-z\d]+|https?://localhost|169\.254\.169\.254")
_CLASSES = (
    ("credentials", re.compile(r"(?i)/ram/")),
    ("user data", re.compile(r"(?i)/(?:user|vendor)-data")),
    ("identity", re.compile(r"(?i)/dynamic|instance-identity")),
    ("metadata", re.compile(r"(?i)meta-data|/maintenance|/global-config")),
)


def _base64_of(text: str) -> t.Iterator[bytes]:
    """Yield the three texts, without their uncertain ends, by which base64 of *text* may be recognized."""
    for encoded in (text.encode("ascii"), text.encode("utf-16-le")):
        for shift in range(3):
            whole = base64.b64encode(b"\0" * shift + encoded)
            yield whole[4 if shift else 0 : len(whole) - 4]


_BASE64 = tuple(_base64_of(ADDRESS)) + (b"H4sI",)
# Of texts in lower case.
_HINT = re.compile(rb"%s[^\w]{1,7}%s" % ((_OCTETS[0].encode("ascii"),) * 2))
_SIX_START, _SIX_NEXT = (part.encode("ascii") for part in ADDRESS_IPV6.split(":")[:2])
_SIX_HINT = re.compile(rb":0*%s:" % _SIX_NEXT)
_WHOLE_PATH = re.compile(rb"/(?:%s)/+(?:%s)" % (_VERSION.encode("ascii"), _KINDS.encode("ascii")))
_HINTS = (TOKEN_HEADER.lower().encode("ascii"), *NUMBER_HINTS)


def may_concern(content: bytes) -> bool:
    """Return whether a file can concern the service at all; fast, and wrong in the direction of True only."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b") or b"\0" in content[:512]:
        return True
    lower = content.lower()
    return (
        bool(_HINT.search(lower) and NUMBER_ENDS.search(lower))
        or bool(_SIX_START in lower and _SIX_HINT.search(lower))
        or _concerns(content, lower)
    )


def _may_be_part(content: bytes) -> bool:
    """Return whether a part of a file can concern the service, also by a piece of an address."""
    lower = content.lower()
    return bool(_HINT.search(lower)) or _SIX_START in lower or _concerns(content, lower)


def _concerns(content: bytes, lower: bytes) -> bool:
    """Return whether one place alone shows that a text, given also in lower case, can concern the service."""
    return (
        bool(_WHOLE_PATH.search(lower))
        or any(hint in lower for hint in _HINTS)
        or any(hint in content for hint in _BASE64)
        or any(start in lower and whole.search(lower) for start, whole in NUMBER_STARTS)
    )


# Lines that are examined at once.
_TOGETHER = 100


def near_places(text: str, longest: int = 1 << 17, lines: int = 300) -> str:
    """Return *text*, of a long one only the *lines* around each place that concerns the service, the others empty."""
    if len(text) <= longest:
        return text
    listed = text.split("\n")
    kept: t.Set[int] = set()
    for first in range(0, len(listed), _TOGETHER):
        several = listed[first : first + _TOGETHER]
        if len(kept) < 20 * lines and _may_be_part("\n".join(several).encode("utf-8", "replace")):
            places = [
                place for place, line in enumerate(several, first) if _may_be_part(line.encode("utf-8", "replace"))
            ]
            for place in places or range(first, first + len(several)):
                kept.update(range(place - lines, place + lines))
    return "\n".join([line[: 1 << 14] if number in kept else "" for number, line in enumerate(listed)])


def has_address(text: str) -> bool:
    """Return whether *text* names an address of the service in any spelling."""
    return find_address(text) >= 0


def find_address(text: str) -> int:
    """Return the place of the first address of the service in *text*, -1 without one."""
    for dotted in _DOTTED.finditer(text):
        if not dotted.group("network") or text[dotted.start() - 1 : dotted.start()] == "/":
            return dotted.start()
    for found in NUMBER.finditer(text.encode("latin-1", "replace")):
        if is_service_number(found.group().decode("ascii")):
            return found.start()
    if "::" in text or ":0" in text:
        for six in _COLONS.finditer(text):
            if is_service_v6(six.group()):
                return six.start()
    return -1


def has_header(text: str) -> bool:
    """Return whether *text* sends the token header with a value."""
    return bool(HEADER.search(text)) and not (_EMPTY_HEADER.search(text) and len(HEADER.findall(text)) == 1)


def names_other_host(text: str) -> bool:
    """Return whether *text* names another host than the service."""
    return any(not has_address(found.group()) for found in _OTHER_HOST.finditer(text))


def path_class(text: str) -> str:
    """Return the class of the path that *text* reads, else ``unknown``."""
    return next((name for name, pattern in _CLASSES if pattern.search(text)), "unknown")
