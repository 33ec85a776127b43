# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that the callers watch shares with the readers of its records: modes of requests, and directories."""

from .._common import _places

TOKEN_REQUEST, TOKEN_AUTHENTICATED, NORMAL_MODE = "token_request", "token_authenticated", "normal_mode"
UNPARSABLE = "unparsable"
MODES = (TOKEN_REQUEST, TOKEN_AUTHENTICATED, NORMAL_MODE, UNPARSABLE)

# How much of the attribution a watch covers. With partial coverage, processes that end soon remain unknown.
FULL, PARTIAL = "full", "partial"

# The value of ``noise`` for requests of this collection's own probe.
PROBE = "probe"

# The records of the watch, and the log of Alibaba Cloud's analyzer plug-in.
STATE_DIRECTORY = _places.STATE_DIRECTORY
LOG_DIRECTORY = "/var/log/imds"
