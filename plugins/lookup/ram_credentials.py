# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ram_credentials
short_description: Temporary keys of the controller's RAM role, read with a metadata token
version_added: 0.1.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Runs on the controller, as every lookup does, and returns the temporary keys of the RAM role of the ECS instance that the
    B(controller) runs on.
  - The keys come under the names that other content accepts, so that playbooks with C(alibaba.alicloud) modules work on a controller
    whose metadata is only given for tokens.
  - The keys are read anew for each lookup, and kept nowhere.
options:
  _terms:
    description:
      - Name of the role. Without it, the role that the instance has. There is at most one.
    type: list
    elements: str
extends_documentation_fragment:
  - alicloud.imds._imds
  - alicloud.imds._imds.controller
notes:
  - Set C(no_log) on tasks that use the keys. With ansible-core 2.22 or later they are masked in all output besides.
seealso:
  - plugin: alicloud.imds.metadata
    plugin_type: lookup
    description: Any other metadata of the controller.
"""

EXAMPLES = r"""
- name: Give the keys of the controller's role to modules that know nothing of tokens
  alibaba.alicloud.ali_instance_info:
    alicloud_region: cn-hangzhou
    alicloud_access_key: "{{ keys.alicloud_access_key }}"
    alicloud_secret_key: "{{ keys.alicloud_secret_key }}"
    alicloud_security_token: "{{ keys.alicloud_security_token }}"
  vars:
    keys: "{{ lookup('alicloud.imds.ram_credentials') }}"
  no_log: true

- name: Give them to a command
  ansible.builtin.command: aliyun sts GetCallerIdentity
  environment: "{{ lookup('alicloud.imds.ram_credentials').environment }}"
  changed_when: false
  no_log: true
"""

RETURN = r"""
_list:
  description: One dictionary per term, or one if there is no term.
  type: list
  elements: dict
  contains:
    access_key:
      description: AccessKey ID.
      type: str
    access_key_secret:
      description: AccessKey secret.
      type: str
    security_token:
      description: STS token.
      type: str
    expiration:
      description: When the keys cease to be valid, in UTC.
      type: str
      sample: "2026-04-07T17:03:00Z"
    alicloud_access_key:
      description: The same as C(access_key), under the name of the option of C(alibaba.alicloud) modules.
      type: str
    alicloud_secret_key:
      description: The same as C(access_key_secret), likewise.
      type: str
    alicloud_security_token:
      description: The same as C(security_token), likewise.
      type: str
    environment:
      description: Environment variables for the aliyun CLI, the SDKs and C(alibaba.alicloud) modules.
      type: dict
"""

import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.alicloud.imds.plugins.module_utils._imds._errors import MetadataError
from ansible_collections.alicloud.imds.plugins.module_utils._imds._options import shared_client
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._aliases import under_all_names
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._instance_role import fetch


class LookupModule(LookupBase):
    def run(
        self, terms: list[str], variables: dict[str, t.Any] | None = None, **kwargs: t.Any
    ) -> list[dict[str, t.Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        try:
            client = shared_client(self.get_option)
            return [under_all_names(fetch(client, role)) for role in terms or [None]]
        except (ApiError, MetadataError, ValueError) as exc:
            raise AnsibleLookupError(str(exc)) from exc
