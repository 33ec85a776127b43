# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vendor_sdk.py ADDRESS:PORT: make calls with Alibaba Cloud's SDKs, one for each line of JSON, and print the results.

A line has sdk ("v3": alibabacloud_ecs20140526, alibabacloud_ess20220222 and alibabacloud_sts20150401; "v1":
aliyun-python-sdk-core with the requests of aliyun-python-sdk-ecs), key, secret, token (may be null), action and
parameters. The output is {"answer": {...}} or {"error": code, "status": n}.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from typing import Any

from alibabacloud_ecs20140526 import client as ecs_client
from alibabacloud_ecs20140526 import models as ecs_models
from alibabacloud_ess20220222 import client as ess_client
from alibabacloud_ess20220222 import models as ess_models
from alibabacloud_sts20150401 import client as sts_client
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.models import Config
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.auth.credentials import AccessKeyCredential, StsTokenCredential
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest

ADDRESS = sys.argv[1]
REGION = "cn-interop"
STS = ("AssumeRole", "GetCallerIdentity")


def version_of(action: str) -> str:
    """Return the version of the API that has an operation."""
    if "Scaling" in action or action == "ScaleWithAdjustment":
        return "2022-02-22"
    return "2015-04-01" if action in STS else "2014-05-26"


def v3(call: dict[str, Any]) -> Any:
    action = call["action"]
    config = Config(
        access_key_id=call["key"],
        access_key_secret=call["secret"],
        security_token=call["token"],
        endpoint=ADDRESS,
        protocol="http",
        region_id=REGION,
    )
    client, models = {
        "2015-04-01": (sts_client, sts_models),
        "2022-02-22": (ess_client, ess_models),
        "2014-05-26": (ecs_client, ecs_models),
    }[version_of(action)]
    method = getattr(client.Client(config), re.sub("(?<!^)(?=[A-Z])", "_", action).lower())
    if not hasattr(models, action + "Request"):
        return method().body.to_map()
    request = getattr(models, action + "Request")()
    request.from_map(call["parameters"])
    return method(request).body.to_map()


def v1(call: dict[str, Any]) -> Any:
    if call["token"]:
        credential = StsTokenCredential(call["key"], call["secret"], call["token"])
    else:
        credential = AccessKeyCredential(call["key"], call["secret"])
    # The client adds its region to every call.
    region = call["parameters"].pop("RegionId", REGION)
    client = AcsClient(region_id=region, credential=credential, auto_retry=False)
    version = version_of(call["action"])
    if version != "2014-05-26":
        request = CommonRequest(domain=ADDRESS, version=version, action_name=call["action"])
        for name, value in call["parameters"].items():
            many = value if isinstance(value, list) else None
            flat = {name: value} if many is None else {f"{name}.{n}": it for n, it in enumerate(many, 1)}
            for key, text in flat.items():
                request.add_query_param(key, text)
    else:
        module = importlib.import_module(f"aliyunsdkecs.request.v20140526.{call['action']}Request")
        request = getattr(module, call["action"] + "Request")()
        request.set_endpoint(ADDRESS)
        for name, value in call["parameters"].items():
            setter = getattr(request, f"set_{name}", None) or getattr(request, f"set_{name}s")
            setter(value)
    request.set_protocol_type("http")
    return json.loads(client.do_action_with_exception(request))


for line in sys.stdin:
    order = json.loads(line)
    try:
        result = {"answer": {"v3": v3, "v1": v1}[order["sdk"]](order)}
    except AlibabaCloudException as problem:
        result = {"error": problem.code, "status": problem.status_code}
    except ServerException as problem:
        result = {"error": problem.get_error_code(), "status": problem.get_http_status()}
    print(json.dumps(result), flush=True)
