# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`Protocol`: that of typing for type checkers, and a plain base class at run time, because Python 3.6 and 3.7 lack it."""

import typing as t

if t.TYPE_CHECKING:
    from typing import Protocol
else:

    class Protocol:
        """Base class of interfaces that are checked by type checkers only."""


__all__ = ("Protocol",)
