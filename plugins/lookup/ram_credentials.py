# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ram_credentials
short_description: Read the temporary keys of the controller's RAM role with a metadata token
version_added: 0.1.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Runs on the controller, like every lookup. Returns the temporary keys of the RAM role of the ECS instance that is the B(controller).
  - Returns the keys under the names that other content accepts, so that playbooks with C(alibaba.alicloud) modules work on a controller
    that requires tokens for its metadata.
  - Each lookup reads the keys again. They are not stored.
options:
  _terms:
    description:
      - Name of the role. The default is the role of the instance, which has at most one.
    type: list
    elements: str
extends_documentation_fragment:
  - alicloud.imds._imds
  - alicloud.imds._imds.controller
notes:
  - Set C(no_log) on tasks that use the keys. ansible-core 2.22 or later also masks them in all output.
  - Do not use the keys in the keyword C(environment) of a task. Ansible writes its variables into the command line of a shell, which
    all users of the host can read, and into the output with C(-vvv). C(no_log) does not change that. The guide
    L(Credentials,https://github.com/alicloud-imds/alicloud.imds/blob/main/docs/docsite/rst/credentials.rst) shows how to run commands
    with the keys.
seealso:
  - plugin: alicloud.imds.metadata
    plugin_type: lookup
    description: Reads other metadata of the controller.
"""

EXAMPLES = r"""
- name: Pass the keys of the controller's role to a module that does not support tokens
  alibaba.alicloud.ali_instance_info:
    alicloud_region: cn-hangzhou
    alicloud_access_key: "{{ keys.alicloud_access_key }}"
    alicloud_secret_key: "{{ keys.alicloud_secret_key }}"
    alicloud_security_token: "{{ keys.alicloud_security_token }}"
  vars:
    keys: "{{ lookup('alicloud.imds.ram_credentials') }}"
  no_log: true

- name: Use the keys in all tasks of a play that call a module
  hosts: localhost
  gather_facts: false
  module_defaults:
    alibaba.alicloud.ali_instance_info:
      alicloud_region: cn-hangzhou
      alicloud_access_key: "{{ lookup('alicloud.imds.ram_credentials').alicloud_access_key }}"
      alicloud_secret_key: "{{ lookup('alicloud.imds.ram_credentials').alicloud_secret_key }}"
      alicloud_security_token: "{{ lookup('alicloud.imds.ram_credentials').alicloud_security_token }}"
  tasks:
    - name: List the instances
      alibaba.alicloud.ali_instance_info:
      no_log: true

# For commands, use the command of the collection: it sets the environment variables of the process, so that no key is on a command line.
- name: Run a command with the keys of the role of the instance that it runs on
  ansible.builtin.command: ecs-metadata exec -- aliyun sts GetCallerIdentity
  changed_when: false
"""

RETURN = r"""
_list:
  description: One dictionary for each term, or one dictionary without terms.
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
      description: Expiration time of the keys, in UTC.
      type: str
      sample: "2026-04-07T17:03:00Z"
    alicloud_access_key:
      description: Same as C(access_key), under the option name of C(alibaba.alicloud) modules.
      type: str
    alicloud_secret_key:
      description: Same as C(access_key_secret), under the option name of C(alibaba.alicloud) modules.
      type: str
    alicloud_security_token:
      description: Same as C(security_token), under the option name of C(alibaba.alicloud) modules.
      type: str
"""

import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.alicloud.imds.plugins.module_utils._imds._errors import MetadataError
from ansible_collections.alicloud.imds.plugins.module_utils._imds._options import shared_client
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._aliases import with_aliases
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._instance_role import fetch
from ansible_collections.alicloud.imds.plugins.plugin_utils._lookup import check_options, refuse_facts
from ansible_collections.alicloud.imds.plugins.plugin_utils._untrusted import untrusted


class LookupModule(LookupBase):
    def run(
        self, terms: list[str], variables: dict[str, t.Any] | None = None, **kwargs: t.Any
    ) -> list[dict[str, t.Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        try:
            check_options("alicloud.imds.ram_credentials", self.option_definitions, kwargs)
            refuse_facts(self.option_definitions, variables)
            client = shared_client(self.get_option)
            keys = [with_aliases(fetch(client, role)) for role in terms or [None]]
        except (ApiError, MetadataError, ValueError) as exc:
            raise AnsibleLookupError(str(exc)) from exc
        return list(map(untrusted, keys))
