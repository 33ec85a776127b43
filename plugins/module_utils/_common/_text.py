# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make untrusted text safe to display: names of files and processes, tags, evidence, replies. Does no I/O."""

import re
import typing as t

# Characters that start a formula in spreadsheets, full-width forms included; "|" and "%" start DDE calls and macros.
# A reader that separates cells at ";" starts a cell after any ";" inside one of ours, quoted or not.
_FORMULA = '(^|;)(?=[ "]*[-=+@|%\uff1d\uff0b\uff0d\uff20])'


def printable(text: str, keep: str = "") -> str:
    r"""Return *text* with each unprintable character, except those in *keep*, as an escape sequence such as ``\x1b``.

    Unprintable characters are control characters (C0 and C1, which include line breaks and tabs), bidirectional overrides,
    zero-width and unassigned characters, separators other than the space, and lone surrogates. The result contains no
    terminal control sequence, no line break, no character that XML forbids and none that UTF-8 cannot encode.
    Backslashes are not escaped.
    """
    if text.isprintable():
        return text
    return "".join([char if char.isprintable() or char in keep else ascii(char)[1:-1] for char in text])


def one_line(text: str, longest: int) -> str:
    """Return `printable` text of at most *longest* characters; ``...`` at the end shows that it was truncated."""
    shown = printable(text[: longest + 1])
    return shown if len(shown) <= longest else shown[: max(0, longest - 3)] + "..."[:longest]


def from_bytes(name: bytes) -> str:
    r"""Return the *name* of a file or process as text, with bytes that are not UTF-8 as ``\xff``.

    The result may contain unprintable characters.
    """
    return name.decode("utf-8", "backslashreplace")


def csv_line(values: t.Iterable[object]) -> str:
    """Return a line of CSV with its line break: every cell quoted and `printable`, an apostrophe before each formula.

    None becomes an empty cell; numbers are not changed. No cell is a formula, whether the reader separates at ``,`` or ``;``.
    """
    return ",".join(['"%s"' % _cell(value).replace('"', '""') for value in values]) + "\r\n"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return str(value)
    return re.sub(_FORMULA, r"\1'", printable(str(value)))
