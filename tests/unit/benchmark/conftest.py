# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the modules of the benchmarks importable, after all others."""

from __future__ import annotations

import sys

from ..conftest import CHECKOUT

sys.path += [str(CHECKOUT / "tests" / folder) for folder in ("benchmark", "fleet", "hosts", "watch")]
