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
      - AccessKey ID. Without it, the credentials come from the first of the following sources that has any.
      - The option O(profile) or O(ram_role) of the task.
      - The environment (E(ALIBABA_CLOUD_ACCESS_KEY_ID), E(ALIBABA_CLOUD_ACCESS_KEY_SECRET), E(ALIBABA_CLOUD_SECURITY_TOKEN), then
        the older E(ALICLOUD_ACCESS_KEY), E(ALICLOUD_SECRET_KEY), E(ALICLOUD_SECURITY_TOKEN)).
      - The profile E(ALIBABA_CLOUD_PROFILE) of O(config_file), or its current profile.
      - The RAM role of the ECS instance that runs the task. Its keys are read with a metadata token.
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
      - Name of the RAM role of the instance that runs the task. Read from its metadata by default. Also E(ALIBABA_CLOUD_ECS_METADATA).
    type: str
  api_endpoint:
    description:
      - URL of the ECS API; V({region}) is replaced by the region ID. Must be HTTPS, except for an emulator on a loopback address.
    type: str
    default: https://ecs.{region}.aliyuncs.com
  sts_endpoint:
    description:
      - URL of the STS API, for profiles of mode RamRoleArn.
    type: str
    default: https://sts.aliyuncs.com
  ca_bundle:
    description:
      - File with the certificates of trusted authorities, instead of those of the Python library C(requests).
    type: path
  api_timeout:
    description:
      - Timeout of one request to the API in seconds, including the connection.
    type: float
    default: 10.0
  api_deadline:
    description:
      - Deadline of all API calls of the task in seconds, including the backoff after throttling.
    type: float
    default: 300.0
  api_retries:
    description:
      - Number of retries of an API call after a server error or a lost connection. Throttled calls are retried until O(api_deadline),
        unless this is V(0).
    type: int
    default: 8
  endpoint:
    description:
      - URL of the metadata service for the keys of the RAM role. Set it only for an emulator.
      - By default V(http://100.100.100.200), or V(http://[fd00:100::100:200]) if that is unreachable.
    type: str
  max_concurrency:
    description:
      - Maximum number of concurrent API calls, V(1) to V(64).
    type: int
    default: 16
"""

    ESS = r"""
options:
  ess_endpoint:
    description:
      - URL of the Auto Scaling (ESS) API; V({region}) is replaced by the region ID. Must be HTTPS, except for an emulator on a loopback
        address.
      - The default is V(https://ess.{region}.aliyuncs.com), or V(https://ess.aliyuncs.com) in regions without an endpoint of their own,
        such as cn-hangzhou. If O(api_endpoint) is not an endpoint of Alibaba Cloud, for example an emulator, the default is
        O(api_endpoint).
    type: str
"""

    EMPTY_OPTIONS = r"""
options:
  empty_options:
    description:
      - How to treat an instance for which the API returns empty metadata options. Most likely nobody ever set them, but the vendor does not
        document this. V(default) assumes the defaults - endpoint enabled, tokens optional.
      - With V(unknown), the verdict on such an instance is unknown, and M(alicloud.imds.metadata_options) does not change it.
    type: str
    choices: [unknown, default]
    default: unknown
"""

    METADATA_OPTIONS = r"""
options:
  http_tokens:
    description:
      - V(required) requires a token for each request (security hardening mode). V(optional) also permits normal mode, without tokens.
    type: str
    choices: [required, optional]
  http_endpoint:
    description:
      - Whether the metadata service is available on the instances.
    type: str
    choices: [enabled, disabled]
"""

    ACCOUNTS = r"""
options:
  assume_role:
    description:
      - RAM roles to assume, one for each account, as in the inventory plugin P(alicloud.imds.ecs#inventory). The credentials of the other
        options are used to assume the roles, with one API call C(AssumeRole) for each.
      - Each item is an ARN, or a dictionary with C(role_arn), and optionally C(session_name) (default V(alicloud-imds)), C(external_id) and
        C(duration_seconds) (V(900) to V(43200), default V(3600)).
    type: list
    elements: raw
    default: []
    version_added: 1.0.0
  own_account:
    description:
      - Also use the account of the credentials. The default is V(false) with O(assume_role), else V(true).
    type: bool
    version_added: 1.0.0
  exclude:
    description:
      - Leave out instances that match any of these rules, as in the inventory plugin P(alicloud.imds.ecs#inventory). They are in the result
        as RV(excluded), each with its rule.
      - Keys are C(instance_ids), a list of IDs; C(tags), a dictionary of tags, of which any matches, and a null value matches any value;
        C(names), a list of patterns of names with V(*), V(?) and V([abc]). Uppercase and lowercase letters differ.
    type: dict
    default: {}
    version_added: 1.0.0
"""

    SELECTION = r"""
options:
  regions:
    description:
      - IDs of the regions with the instances, or V(all).
    type: list
    elements: str
    required: true
    aliases: [region]
  instance_ids:
    description:
      - Select only these instances. An ID that is in none of O(regions) is an error.
    type: list
    elements: str
    aliases: [instance_id]
  tags:
    description:
      - Select only instances with all of these tags.
    type: dict
  name:
    description:
      - Select only instances whose name matches; V(*) matches any characters.
    type: str
  vpc_id:
    description:
      - Select only instances in this VPC.
    type: str
  expect_at_least:
    description:
      - Fail if fewer instances are selected. By default, a selection without instances is only a warning.
    type: int
    default: 0
    version_added: 1.0.0
"""
