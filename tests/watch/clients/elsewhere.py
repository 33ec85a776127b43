# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""elsewhere.py RATE SECONDS: connect to port 80 of another server, RATE times a second; print the rate that was achieved."""

from __future__ import annotations

import socket
import sys
import time

rate, seconds = int(sys.argv[1]), float(sys.argv[2])
began, number = time.monotonic(), 0
while time.monotonic() < began + seconds:
    for _connection in range(rate // 100):
        with socket.socket() as sock:
            sock.connect_ex(("10.77.0.1", 80))
        number += 1
    time.sleep(max(0.0, began + number / rate - time.monotonic()))
print(round(number / (time.monotonic() - began)))
