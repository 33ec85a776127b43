# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What are the words of the callers watch? Modes and places, for whoever needs no more. Private to the collection."""

from __future__ import annotations

TOKEN_REQUEST, WITH_TOKEN, WITHOUT_TOKEN, UNPARSABLE = "token_request", "with_token", "without_token", "unparsable"
MODES = (TOKEN_REQUEST, WITH_TOKEN, WITHOUT_TOKEN, UNPARSABLE)

# The value of ``noise`` for requests of this collection's own probe.
PROBE = "probe"

STATE_DIRECTORY = "/var/lib/alicloud-imds"
LOG_DIRECTORY = "/var/log/imds"
