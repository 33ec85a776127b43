# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judge whether a version of a library is too old for tokens. No I/O."""

import typing as t

from .._common._text import one_line
from ._findings import Finding, finding
from ._versions import older


class Library(t.NamedTuple):
    """A library and its versions, in the notation ``scheme`` of `_versions`.

    ``first_good`` is the first version that uses tokens by default, None if no version does; since ``opt_in`` the library
    uses them if the program requests it. ``kind`` is the finding for a version that is too old.
    """

    kind: str
    package: str
    scheme: str
    first_good: t.Optional[str]
    opt_in: t.Optional[str] = None


def judge(library: Library, version: t.Optional[str], path: str, **evidence: t.Any) -> t.Iterator[Finding]:
    """Yield a finding if *version*, found at *path*, does not use tokens by default or is invalid."""
    evidence = {"path": path, "version": _short(version), "first_good": library.first_good, **evidence}
    if library.first_good is None:
        yield finding(library.kind, package=library.package, **evidence)
        return
    try:
        too_old = older(library.scheme, version or "", library.first_good)
    except ValueError:
        yield finding("library_version_unknown", package=library.package, **evidence)
        return
    if too_old:
        yield finding(library.kind, _opt_in(library, version or ""), **evidence)


def _opt_in(library: Library, version: str) -> str:
    """Return a sentence if this version can use tokens on request, else an empty text."""
    if library.opt_in and not older(library.scheme, version, library.opt_in):
        return "Since %s it supports tokens, but only in programs that enable them." % library.opt_in
    return ""


def _short(version: t.Optional[str]) -> t.Optional[str]:
    """Return *version* in printable, bounded form: a damaged file may hold anything."""
    return None if version is None else one_line(version, 64)
