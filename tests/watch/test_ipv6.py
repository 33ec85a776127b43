# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to both addresses of the service, and IPv6 packets with extension headers."""

from __future__ import annotations

import os
import sys
from collections import Counter

import lab
from conftest import Start
from machine import Machine, totals

PYTHON = os.path.realpath(sys.executable)
ZONE, TOKEN = "/latest/meta-data/zone-id", "/latest/api/token"
IPV4, IPV6 = f"http://{lab.SERVICE}{ZONE}", f"http://[{lab.SERVICE_IPV6}]{ZONE}"

# Sends requests whose packets have destination options, which any root process can add to a TCP socket.
OPTIONS = """
import http.client, socket, sys
connection = http.client.HTTPConnection(sys.argv[1], timeout=60)
connection.sock = socket.socket(socket.AF_INET6)
connection.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, bytes([0, 0, 1, 4, 0, 0, 0, 0]))
connection.sock.connect((sys.argv[1], 80))
for _time in range(3):
    connection.request("GET", sys.argv[2])
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    answer.read()
"""


def by_address(content: dict) -> Counter[tuple[str, str]]:
    """Return the number of requests for each mode and address of the service."""
    found: Counter[tuple[str, str]] = Counter()
    for caller in content["callers"]:
        for row in caller["requests"]:
            found[row["mode"], row.get("address", lab.SERVICE)] += row["count"]
    return found


def test_requests_to_both_addresses_are_recorded(machine: Machine, start: Start) -> None:
    watch = start()
    for url, times in ((IPV4, 2), (IPV6, 3)):
        for _time in range(times):
            machine.run("curl", "-sfg", url, uid=33)
    header = "X-aliyun-ecs-metadata-token"
    token = machine.run("curl", "-sfg", "-X", "PUT", "-H", header + "-ttl-seconds: 60", IPV6.replace(ZONE, TOKEN))
    machine.run("curl", "-sfg", "-H", f"{header}: {token}", IPV6)
    content = watch.stop()
    assert totals(content) == machine.received()
    assert by_address(content) == {
        ("normal_mode", lab.SERVICE): 2,
        ("normal_mode", lab.SERVICE_IPV6): 3,
        ("token_request", lab.SERVICE_IPV6): 1,
        ("token_authenticated", lab.SERVICE_IPV6): 1,
    }
    assert content["status"]["dropped"] == 0
    assert {
        (caller["uid"], caller["exe"], *caller["attributed_by"]) for caller in content["callers"] if caller["uid"]
    } == {(33, "/usr/bin/curl", "connect")}


def test_requests_after_extension_headers_are_recorded(machine: Machine, start: Start) -> None:
    watch = start()
    machine.run(PYTHON, "-c", OPTIONS, lab.SERVICE_IPV6, ZONE)
    content = watch.stop()
    assert by_address(content) == {("normal_mode", lab.SERVICE_IPV6): 3}
    assert totals(content) == machine.received()
    assert content["status"]["dropped"] == 0
