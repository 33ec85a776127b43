# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make untrusted text safe to display. No I/O.

Names, evidence and executables come from hosts, tags and processes: an attacker may have chosen them.
"""

from __future__ import annotations

import re
import typing as t

LONGEST = 2000  # characters kept of one text
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20|%]")


def cut(text: str, longest: int = LONGEST) -> str:
    """Return *text*, or its beginning and its length."""
    return text if len(text) <= longest else "%s ... (%d characters)" % (text[:longest], len(text))


def visible(text: str, keep: str = "") -> str:
    r"""Return *text* with invisible and misleading characters written as ``\u202e``, except those in *keep*.

    These are control and escape codes, direction overrides, zero-width and unassigned characters and lone surrogates. The
    result has nothing that XML forbids, that a terminal interprets or that makes one name look like another.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else _escaped(one) for one in text)


def cell(value: t.Any) -> str:
    """Return *value* for a CSV file. A leading apostrophe keeps spreadsheets from reading text as a formula."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return str(value)
    shown = visible(value)
    return "'" + shown if _FORMULA.match(shown) else shown


def counted(number: int, one: str, many: t.Optional[str] = None) -> str:
    """Return ``1 host`` or ``1,200 hosts``."""
    return "%s %s" % (format(number, ","), one if number == 1 else many or one + "s")


def _escaped(character: str) -> str:
    point = ord(character)
    return "\\x%02x" % point if point < 0x100 else "\\u%04x" % point if point < 0x10000 else "\\U%08x" % point
