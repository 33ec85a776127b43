# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of the oldest supported ansible-core, which `make hosts` installs."""

from __future__ import annotations

import lines
import matrix

_LINE = lines.LINES[0]
OLDEST_CORE = matrix.folder(_LINE, _LINE.pythons[0]) / "bin"
