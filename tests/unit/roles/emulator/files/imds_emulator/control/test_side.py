# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control plane with 10,000 instances: it starts, and lists them all."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Set

import pytest
from waiting import GIVE_UP_SECONDS

from ..client import Emulator
from .caller import Caller, query_of

pytestmark = pytest.mark.slow

INSTANCES, REGIONS = 10000, ("cn-a", "cn-b", "cn-c", "cn-d")


def test_ten_thousand_instances(tmp_path: Path) -> None:
    instances = [
        {
            "instance_id": "i-%05d" % number,
            "region_id": REGIONS[number % 4],
            "clients": ["10.%d.%d.%d" % (number // 65536, number // 256 % 256, number % 256)],
            "http_tokens": "required",
        }
        for number in range(INSTANCES)
    ]
    config = {"instances": instances, "control": {"access_keys": {"LTAIa": {"secret": "s"}}}}
    running = Emulator(tmp_path, "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", config=config)
    try:
        found: Set[str] = set()
        connection = http.client.HTTPConnection(running.ready["control"], timeout=GIVE_UP_SECONDS)
        caller = Caller(running.ready["control"], "LTAIa", "s")
        for region in REGIONS:
            token = "first"
            while token:
                parameters = {"RegionId": region, "MaxResults": 100, "AdditionalAttributes.1": "META_OPTIONS"}
                if token != "first":
                    parameters["NextToken"] = token
                headers = caller.v3_headers("DescribeInstances", parameters)
                connection.request("POST", "/?" + query_of(parameters), headers=headers)
                page = json.loads(connection.getresponse().read())
                rows, token = page["Instances"]["Instance"], page["NextToken"]
                assert len(rows) == 100 and all(row["RegionId"] == region for row in rows)
                found.update(row["InstanceId"] for row in rows)
        connection.close()
        assert len(found) == INSTANCES
        assert running.admin("GET", "/calls")["totals"] == {"DescribeInstances": {"ok": 100}}
    finally:
        assert running.stop() == 0
