# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
requirements:
  - requests >= 2.28
options:
  access_key_id:
    description:
      - AccessKey ID. Without it, credentials are taken from the first of these that exists. A O(profile) or O(ram_role) given as an
        option comes before all others.
      - The environment (E(ALIBABA_CLOUD_ACCESS_KEY_ID), E(ALIBABA_CLOUD_ACCESS_KEY_SECRET), E(ALIBABA_CLOUD_SECURITY_TOKEN), then
        the older E(ALICLOUD_ACCESS_KEY), E(ALICLOUD_SECRET_KEY), E(ALICLOUD_SECURITY_TOKEN)).
      - The profile O(profile) of O(config_file), or its current one.
      - The RAM role of the ECS instance that the task runs on, whose keys are read with a metadata token.
    type: str
  access_key_secret:
    description:
      - AccessKey secret. Belongs to O(access_key_id).
    type: str
  security_token:
    description:
      - STS token of temporary credentials.
    type: str
  profile:
    description:
      - Name of a profile in O(config_file), of mode AK, StsToken, RamRoleArn or EcsRamRole. Also E(ALIBABA_CLOUD_PROFILE).
    type: str
  config_file:
    description:
      - Configuration file of the aliyun CLI.
    type: path
    default: ~/.aliyun/config.json
  ram_role:
    description:
      - Name of the RAM role of the instance that the task runs on, if it is not to be discovered. Also E(ALIBABA_CLOUD_ECS_METADATA).
    type: str
  api_endpoint:
    description:
      - URL of the ECS API; V({region}) stands for the region ID. Must be HTTPS, except on a loopback address, which is for an emulator.
    type: str
    default: https://ecs.{region}.aliyuncs.com
  sts_endpoint:
    description:
      - URL of the STS API, for profiles of mode RamRoleArn.
    type: str
    default: https://sts.aliyuncs.com
  ca_bundle:
    description:
      - File with the certificates of the authorities to trust, instead of the usual ones.
    type: path
  api_timeout:
    description:
      - Seconds to wait for one answer of the API.
    type: float
    default: 10.0
  api_deadline:
    description:
      - Seconds that all calls of the task may take together, pauses after throttling included.
    type: float
    default: 300.0
  api_retries:
    description:
      - How often one call is sent again after throttling, a server error or a lost connection.
    type: int
    default: 8
  endpoint:
    description:
      - Where the metadata service is, for the RAM role of the instance. Another value is for an emulator.
    type: str
    default: http://100.100.100.200
"""

    SELECTION = r"""
options:
  regions:
    description:
      - IDs of the regions to look in, or V(all).
    type: list
    elements: str
    required: true
    aliases: [region]
  instance_ids:
    description:
      - Only these instances. An ID that is in none of O(regions) is an error.
    type: list
    elements: str
    aliases: [instance_id]
  tags:
    description:
      - Only instances with all of these tags.
    type: dict
  name:
    description:
      - Only instances whose name matches; V(*) stands for any characters.
    type: str
  vpc_id:
    description:
      - Only instances in this VPC.
    type: str
  empty_options:
    description:
      - What to think of an instance for which the API returns empty metadata options. The documentation does not say what that
        means; most likely that they were never changed, which is V(default) - endpoint enabled, tokens optional.
      - With V(unknown) such an instance is neither judged nor changed.
    type: str
    choices: [unknown, default]
    default: unknown
  max_concurrency:
    description:
      - How many API calls may be under way at once.
    type: int
    default: 16
"""
