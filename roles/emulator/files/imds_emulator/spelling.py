# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Suggest the known name that is similar to an unknown one, for messages."""

from __future__ import annotations

import difflib
import typing as t


def similar(name: str, known: t.Iterable[str], prefix: str = "") -> str:
    """Return ` (did you mean X?)` for the most similar known name, after its *prefix*, or empty text."""
    found = difflib.get_close_matches(name, list(known), 1, 0.6)
    return " (did you mean %s?)" % (prefix + found[0]) if found else ""


def unknown_key(where: str, key: str, known: t.Iterable[str]) -> str:
    """Return the message for an unknown key of the object *where*."""
    names = list(known)
    return "%s.%s: unknown key%s; known keys: %s" % (where, printable(key), similar(key, names), ", ".join(names))


def printable(key: str) -> str:
    """Return a key in printable ASCII, without line breaks, for a message of one line."""
    return ascii(key)[1:-1]
