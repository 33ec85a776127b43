# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is a library of this version too old for tokens? Pure; private to the collection."""

from __future__ import annotations

import typing as t

from .._common._text import one_line
from ._findings import Finding, finding
from ._versions import older


class Library(t.NamedTuple):
    """``first_good`` None: no version sends tokens. From ``opt_in`` on it does if the program asks for it."""

    kind: str
    package: str
    scheme: str
    first_good: t.Optional[str]
    opt_in: t.Optional[str] = None


def judge(library: Library, version: t.Optional[str], path: str, **evidence: t.Any) -> t.Iterator[Finding]:
    """A finding if *version*, found at *path*, cannot do tokens or cannot be told; nothing if all is well."""
    evidence = {"path": path, "version": _short(version), "first_good": library.first_good, **evidence}
    if library.first_good is None:
        yield finding(library.kind, **evidence)
        return
    try:
        too_old = older(library.scheme, version or "", library.first_good)
    except ValueError:
        yield finding("library_version_unknown", package=library.package, **evidence)
        return
    if too_old:
        yield finding(library.kind, _opt_in(library, version or ""), **evidence)


def _opt_in(library: Library, version: str) -> str:
    if library.opt_in and not older(library.scheme, version, library.opt_in):
        return "Since %s it can use tokens, but only in programs that ask for it." % library.opt_in
    return ""


def _short(version: t.Optional[str]) -> t.Optional[str]:
    """As evidence: of a damaged file not a whole novel."""
    return None if version is None else one_line(version, 64)
