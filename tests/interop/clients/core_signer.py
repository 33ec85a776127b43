# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""core_signer.py ROLE: print the URL of an API request that aliyun-python-sdk-core signs with the RAM role's keys."""

from __future__ import annotations

import sys

from aliyunsdkcore.auth.credentials import EcsRamRoleCredential
from aliyunsdkcore.auth.signers.ecs_ram_role_signer import EcsRamRoleSigner
from aliyunsdkcore.request import RpcRequest

signer = EcsRamRoleSigner(EcsRamRoleCredential(sys.argv[1]))
_headers, url = signer.sign("cn-hangzhou", RpcRequest("Ecs", "2014-05-26", "DescribeRegions"))
print(url)
