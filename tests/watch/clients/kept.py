# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kept.py [--ipv6]: connect; for each line of input, send a normal-mode request and print the status."""

from __future__ import annotations

import http.client
import socket
import sys

family = socket.AF_INET6 if "--ipv6" in sys.argv else socket.AF_INET
connection = http.client.HTTPConnection("100.100.100.200", timeout=20)
connection.sock = socket.socket(family)
connection.sock.connect(("::ffff:100.100.100.200" if family == socket.AF_INET6 else "100.100.100.200", 80))
print("connected", flush=True)
for _line in sys.stdin:
    connection.request("GET", "/latest/meta-data/zone-id", headers={"User-Agent": "kept"})
    answer = connection.getresponse()
    answer.read()
    print(answer.status, flush=True)
