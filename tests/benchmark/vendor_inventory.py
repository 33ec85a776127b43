# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vendor_inventory.py --list: print the instances of two accounts as an Ansible inventory, with a simple loop over the SDK.

A script that Ansible runs as an inventory source. It reads one account, one region and one page after the other. The environment
variable IMDS_BENCHMARK has {"address", "key", "secret", "regions", "role"} as JSON. Runs in the environment that
tests/tools/interop.py creates.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from alibabacloud_ecs20140526 import models
from alibabacloud_ecs20140526.client import Client
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi.models import Config


def configuration(order: dict[str, Any], region: str, keys: tuple[str, ...]) -> Config:
    """Return a client configuration with *keys*: ID, secret and, for a role, the token."""
    config = Config(access_key_id=keys[0], access_key_secret=keys[1], region_id=region)
    if keys[2:]:
        config.security_token = keys[2]
    config.endpoint, config.protocol = order["address"], "http"
    return config


def keys_of_role(order: dict[str, Any]) -> tuple[str, ...]:
    client = StsClient(configuration(order, order["regions"][0], (order["key"], order["secret"])))
    wanted = sts_models.AssumeRoleRequest(role_arn=order["role"], role_session_name="benchmark")
    given = client.assume_role(wanted).body.credentials
    return given.access_key_id, given.access_key_secret, given.security_token


def instances(client: Client, region: str) -> Iterator[Any]:
    """Read the instances of a region page by page."""
    token = None
    while token != "":
        page = client.describe_instances(
            models.DescribeInstancesRequest(
                region_id=region, max_results=100, next_token=token, additional_attributes=["META_OPTIONS"]
            )
        ).body
        yield from page.instances.instance
        token = page.next_token or ""


def main() -> None:
    order = json.loads(os.environ["IMDS_BENCHMARK"])
    groups: dict[str, list[str]] = {"imds_optional": [], "imds_required": [], "imds_disabled": []}
    variables: dict[str, dict[str, Any]] = {}
    for keys in ((order["key"], order["secret"]), keys_of_role(order)):
        for region in order["regions"]:
            for one in instances(Client(configuration(order, region, keys)), region):
                options = one.metadata_options
                mode = "disabled" if options.http_endpoint == "disabled" else options.http_tokens
                groups["imds_" + mode].append(one.instance_id)
                few = {"region_id": region, "zone_id": one.zone_id, "http_tokens": mode}
                variables[one.instance_id] = one.to_map() if order["members"] else few
    document: dict[str, Any] = {name: {"hosts": hosts} for name, hosts in groups.items()}
    print(json.dumps({**document, "_meta": {"hostvars": variables}}))


main()
