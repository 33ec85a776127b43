# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""python_clients.py CLIENT PACKAGE ROLE: print the version of PACKAGE, and run CLIENT once for each line of stdin.

Each run is a child process, which prints what the client read: the package is imported only once. A line `status N` ends a run.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

warnings.simplefilter("ignore")
Client = Callable[[str], object]
NOWHERE = "127.0.0.1:9"  # for clients that contact another service as soon as they have credentials


def credentials() -> Client:
    from alibabacloud_credentials.client import Client
    from alibabacloud_credentials.models import Config

    return lambda role: Client(Config(type="ecs_ram_role", role_name=role)).get_access_key_id()


def credentials_async() -> Client:
    from alibabacloud_credentials.client import Client
    from alibabacloud_credentials.models import Config

    async def get(role: str) -> object:
        found = await Client(Config(type="ecs_ram_role", role_name=role)).get_credential_async()
        return found.get_access_key_id()

    return lambda role: asyncio.run(get(role))


def core() -> Client:
    from aliyunsdkcore.auth.credentials import EcsRamRoleCredential
    from aliyunsdkcore.auth.signers.ecs_ram_role_signer import EcsRamRoleSigner
    from aliyunsdkcore.request import RpcRequest

    request = RpcRequest("Ecs", "2014-05-26", "DescribeRegions")
    return lambda role: EcsRamRoleSigner(EcsRamRoleCredential(role)).sign("cn-hangzhou", request)[1]


def oss2() -> Client:
    from oss2.credentials import EcsRamRoleCredentialsProvider

    address = "http://100.100.100.200/latest/meta-data/ram/security-credentials/"
    return lambda role: EcsRamRoleCredentialsProvider(address + role).get_credentials().get_access_key_id()


def oss_v2() -> Client:
    """The vendor's guide passes the credentials of alibabacloud_credentials to the client."""
    import alibabacloud_oss_v2 as oss
    from alibabacloud_credentials.client import Client
    from alibabacloud_credentials.models import Config

    def presigned(role: str) -> object:
        keys = Client(Config(type="ecs_ram_role", role_name=role))

        def get() -> oss.credentials.Credentials:
            found = keys.get_credential()
            return oss.credentials.Credentials(
                found.access_key_id, found.access_key_secret, security_token=found.security_token
            )

        config = oss.config.load_default()
        config.credentials_provider = oss.credentials.CredentialsProviderFunc(func=get)
        config.region = "cn-hangzhou"
        return oss.Client(config).presign(oss.GetObjectRequest(bucket="bucket", key="key")).url

    return presigned


def acm() -> Client:
    from acm.client import ACMClient

    def get(role: str) -> object:
        client = ACMClient(NOWHERE, ram_role_name=role)
        client._refresh_sts_token()
        return client.sts_token["AccessKeyId"]

    return get


def ansible_alicloud() -> Client:
    """A part of Ansible, which is in another environment than the package."""
    path = Path(os.environ["MORE"], "ansible/module_utils/alicloud_ecs.py")
    spec = importlib.util.spec_from_file_location("alicloud_ecs", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda role: module.get_profile(
        {"alicloud_access_key": None, "profile": None, "alicloud_secret_key": None, "ecs_role_name": role}
    )


def cloud_detect() -> Client:
    from cloud_detect.providers import AlibabaProvider

    return lambda _role: asyncio.run(AlibabaProvider().check_metadata_server())


def opendal() -> Client:
    import opendal

    async def presigned() -> object:
        operator = opendal.AsyncOperator("oss", bucket="bucket", endpoint="http://" + NOWHERE, root="/")
        return (await operator.presign_read("key", 60)).url

    os.environ["ALIBABA_CLOUD_ECS_METADATA"] = sys.argv[3]
    return lambda _role: asyncio.run(presigned())


def footmark() -> Client:
    import footmark.ecs

    def call(role: str) -> object:
        connection = footmark.ecs.connect_to_region("cn-hangzhou", ecs_role_name=role, user_agent="x")
        return connection.make_request_new({"Action": "DescribeRegions", "domain": NOWHERE})

    return call


sys.path.append(os.environ.get("MORE", ""))
run = {name: value for name, value in globals().items() if callable(value)}[sys.argv[1]]()
print(version(sys.argv[2]), flush=True)
for _line in sys.stdin:
    child = os.fork()
    if not child:
        try:
            print(run(sys.argv[3]), flush=True)
        except BaseException as problem:
            print(problem, flush=True)  # may name the request that was signed with the keys
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    print("status", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
