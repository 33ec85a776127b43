# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cut and count untrusted text. No I/O.

Names, evidence and executables come from hosts, tags and processes: an attacker may have chosen them.
"""

from __future__ import annotations

import re

LONGEST = 2000  # characters kept of one text
_CUT = re.compile(r" \.\.\. \(\d{1,12} characters\)")


def cut(text: str, longest: int = LONGEST) -> str:
    """Return *text*, or its beginning and its length. A text that was cut to the same length before stays as it is."""
    if len(text) <= longest or _CUT.fullmatch(text, longest):
        return text
    return "%s ... (%d characters)" % (text[:longest], len(text))


def counted(number: int, one: str) -> str:
    """Return ``1 host`` or ``1,200 hosts``."""
    return "%s %s" % (format(number, ","), one if number == 1 else one + "s")
