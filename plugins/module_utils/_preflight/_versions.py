# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare versions by the rules of dpkg, RPM, Python (PEP 440) or semantic versioning. No I/O."""

import itertools
import re
import typing as t

_Key = t.Tuple[t.Any, ...]
_RPM_PART = re.compile(r"\d+|[A-Za-z]+|~|\^")
_PYTHON = re.compile(
    r"v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_number>\d*))?"
    r"(?P<post>-\d+|[-_.]?(?:post|rev|r)[-_.]?\d*)?"
    r"(?P<dev>[-_.]?dev[-_.]?\d*)?(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?"
)
_PRE = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}
_SEMVER = re.compile(r"v?(\d+(?:\.\d+){0,3})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
_MAX_LENGTH = 256
_NOTHING: _Key = ((0,), (0, ""))


def compare(scheme: str, left: str, right: str) -> int:
    """Return a negative number if *left* is older than *right*, 0 if they are equal, a positive number if it is newer.

    *scheme* is ``dpkg``, ``rpm``, ``python`` or ``semver``. Raise ValueError for an invalid version.
    """
    for version in (left, right):
        if not version or len(version) > _MAX_LENGTH:
            raise ValueError("a version has 1 to %d characters" % _MAX_LENGTH)
    return _SCHEMES[scheme](left, right)


def older(scheme: str, version: str, than: str) -> bool:
    """Return whether *version* is older than *than*; raise ValueError for an invalid version."""
    return compare(scheme, version, than) < 0


def _sign(left: t.Any, right: t.Any) -> int:
    """Return -1, 0 or 1 for *left* less than, equal to or greater than *right*."""
    return int(left > right) - int(left < right)


def _number(digits: str) -> t.Tuple[int, str]:
    """Return a key that sorts like the number in *digits*, of any length."""
    stripped = digits.lstrip("0")
    return len(stripped), stripped


def _dpkg(left: str, right: str) -> int:
    """Compare by Debian Policy 5.6.12: epoch, upstream version, revision."""
    for one, other in zip(_dpkg_parts(left), _dpkg_parts(right)):
        # A missing part counts as an empty text and the number 0.
        for mine, yours in itertools.zip_longest(_dpkg_key(one), _dpkg_key(other), fillvalue=_NOTHING):
            if mine != yours:
                return _sign(mine, yours)
    return 0


def _dpkg_parts(version: str) -> t.Tuple[str, str, str]:
    """Return epoch, upstream version and revision."""
    epoch, colon, rest = version.strip().rpartition(":") if ":" in version else ("0", "", version.strip())
    if colon and ":" in epoch:
        epoch, _colon, rest = version.strip().partition(":")
    if not epoch.isdigit() or not rest:
        raise ValueError("%r is not a version of dpkg" % version)
    upstream, _dash, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return epoch, upstream, revision


def _dpkg_key(part: str) -> t.List[_Key]:
    """Return pairs of text and number; a tilde sorts before the end, letters before all other characters."""
    key: t.List[_Key] = []
    for text, digits in re.findall(r"([^0-9]*)([0-9]*)", part):
        letters = tuple(-1 if char == "~" else ord(char) if char.isalpha() else ord(char) + 256 for char in text)
        key.append(((*letters, 0), _number(digits)))
    return key


def _rpm(left: str, right: str) -> int:
    """Compare epoch, version and release, the last two by rpmvercmp; a release counts only if both have one."""
    one, other = _rpm_parts(left), _rpm_parts(right)
    result = _sign(_number(one[0]), _number(other[0])) or _rpmvercmp(one[1], other[1])
    return result or (_rpmvercmp(one[2], other[2]) if one[2] and other[2] else 0)


def _rpm_parts(version: str) -> t.Tuple[str, str, str]:
    """Return epoch, version and release; the release may be empty."""
    before, colon, rest = version.strip().partition(":")
    epoch, rest = (before, rest) if colon and before.isdigit() else ("0", version.strip())
    number, dash, release = rest.rpartition("-")
    return (epoch, number, release) if dash else (epoch, rest, "")


def _rpmvercmp(left: str, right: str) -> int:
    """Compare segment by segment: numbers are newer than letters, a tilde is older than the end, a caret newer."""
    one, other = _RPM_PART.findall(left), _RPM_PART.findall(right)
    for mine, yours in zip(one, other):
        result = _sign(_rpm_key(mine), _rpm_key(yours))
        if result:
            return result
    rest, sign = (one[len(other) :], 1) if len(one) > len(other) else (other[len(one) :], -1)
    return 0 if not rest else -sign if rest[0] == "~" else sign


def _rpm_key(part: str) -> _Key:
    """Return the sort key of one segment."""
    if part == "~":
        return (0,)
    if part == "^":
        return (1,)
    return (3, *_number(part)) if part[0].isdigit() else (2, part)


def _python_key(version: str) -> _Key:
    """Return the sort key by PEP 440, without the local version."""
    found = _PYTHON.fullmatch(version.strip().lower())
    if not found:
        raise ValueError("%r is not a version of a Python package" % version)
    release = [_number(part) for part in found.group("release").split(".")]
    while release and release[-1] == (0, ""):
        release.pop()
    pre, post, dev = found.group("pre"), found.group("post"), found.group("dev")
    first: _Key = (_PRE.get(pre, pre), _number(found.group("pre_number"))) if pre else ("z",)
    if dev is not None and pre is None and post is None:
        first = ("",)
    after: _Key = (0,) if post is None else (1, _number(re.sub(r"\D", "", post)))
    before: _Key = (1,) if dev is None else (0, _number(re.sub(r"\D", "", dev)))
    return (_number(found.group("epoch") or "0"), tuple(release), first, after, before)


def _semver_key(version: str) -> _Key:
    """Return the sort key by section 11 of semver.org; one to four numbers are accepted."""
    found = _SEMVER.fullmatch(version.strip())
    if not found:
        raise ValueError("%r is not a semantic version" % version)
    numbers = [_number(part) for part in found.group(1).split(".")]
    numbers += [_number("0")] * (4 - len(numbers))
    if found.group(2) is None:
        return (tuple(numbers), 1, ())
    parts = [(0, _number(part), "") if part.isdigit() else (1, (0, ""), part) for part in found.group(2).split(".")]
    return (tuple(numbers), 0, tuple(parts))


_SCHEMES: t.Dict[str, t.Callable[[str, str], int]] = {
    "dpkg": _dpkg,
    "rpm": _rpm,
    "python": lambda left, right: _sign(_python_key(left), _python_key(right)),
    "semver": lambda left, right: _sign(_semver_key(left), _semver_key(right)),
}
