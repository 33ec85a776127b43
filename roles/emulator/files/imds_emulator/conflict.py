# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Define the error of a valid change that the present state of the emulator does not permit."""

from __future__ import annotations


class Conflict(ValueError):
    """A change conflicts with another instance, or with the clock."""
