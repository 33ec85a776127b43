# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rename.py NAME: set the command name to NAME (with \\x escapes), and send a normal-mode request."""

from __future__ import annotations

import ctypes
import http.client
import sys

name = sys.argv[1].encode().decode("unicode_escape").encode("latin-1")
ctypes.CDLL(None).prctl(15, name, 0, 0, 0)  # PR_SET_NAME
connection = http.client.HTTPConnection("100.100.100.200", timeout=20)
connection.request("GET", "/latest/meta-data/zone-id")
assert connection.getresponse().status == 200
