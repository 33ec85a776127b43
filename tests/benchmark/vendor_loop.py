# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vendor_loop.py FILE: require tokens on all instances of some regions, in a simple loop over Alibaba Cloud's SDK.

Reads {"address", "key", "secret", "regions"} as JSON from stdin and prints {"changed": n, "import_seconds": n}. FILE gets
the peak of its memory in MiB and its CPU time in seconds, as JSON. Runs in the environment that tests/tools/interop.py
creates.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

BEGAN = time.monotonic()

from alibabacloud_ecs20140526 import models  # noqa: E402
from alibabacloud_ecs20140526.client import Client  # noqa: E402
from alibabacloud_tea_openapi.models import Config  # noqa: E402

IMPORTED = time.monotonic()


def harden(client: Client, region: str) -> int:
    """Read the instances of a region page by page, and change those with ``HttpTokens`` optional."""
    changed, token = 0, None
    while token != "":
        page = client.describe_instances(
            models.DescribeInstancesRequest(
                region_id=region, max_results=100, next_token=token, additional_attributes=["META_OPTIONS"]
            )
        ).body
        for instance in page.instances.instance:
            if instance.metadata_options.http_tokens != "required":
                change(client, region, instance)
                changed += 1
        token = page.next_token or ""
    return changed


def change(client: Client, region: str, instance: Any) -> None:
    client.modify_instance_metadata_options(
        models.ModifyInstanceMetadataOptionsRequest(
            region_id=region,
            instance_id=instance.instance_id,
            http_endpoint=instance.metadata_options.http_endpoint,
            http_tokens="required",
        )
    )


def main() -> None:
    order = json.load(sys.stdin)
    changed = 0
    for region in order["regions"]:
        config = Config(access_key_id=order["key"], access_key_secret=order["secret"], region_id=region)
        config.endpoint, config.protocol = order["address"], "http"
        config.read_timeout = 60_000  # milliseconds: the emulator of 100,000 instances shares a busy machine
        changed += harden(Client(config), region)
    print(json.dumps({"changed": changed, "import_seconds": IMPORTED - BEGAN}))
    (peak,) = re.findall(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    used = os.times()
    Path(sys.argv[1]).write_text(json.dumps({"memory": int(peak) / 1024, "cpu": used.user + used.system}))


main()
