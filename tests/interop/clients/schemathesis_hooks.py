# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate values for the formats that only the description of the admin API uses. Schemathesis loads this module."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies

# Only addresses on which the emulator can always listen.
schemathesis.openapi.format("socket-address", strategies.sampled_from(["127.0.0.1:0", "[::1]:0"]))
