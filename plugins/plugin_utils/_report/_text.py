# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cut and count untrusted text. No I/O.

Names, evidence and executables come from hosts, tags and processes: an attacker may have chosen them.
"""

from __future__ import annotations

LONGEST = 2000  # characters kept of one text


def cut(text: str, longest: int = LONGEST) -> str:
    """Return *text*, or its beginning and its length."""
    return text if len(text) <= longest else "%s ... (%d characters)" % (text[:longest], len(text))


def counted(number: int, one: str) -> str:
    """Return ``1 host`` or ``1,200 hosts``."""
    return "%s %s" % (format(number, ","), one if number == 1 else one + "s")
