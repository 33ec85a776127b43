# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: metadata
short_description: Read ECS instance metadata of the controller with a token
version_added: 0.1.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Runs on the controller, like every lookup, and returns the metadata of the ECS instance that the B(controller) runs on.
    To read the metadata of managed nodes, use M(alicloud.imds.metadata_facts) or M(alicloud.imds.metadata_info).
  - Reads in security hardening mode only (formerly "security-enhanced mode", comparable to IMDSv2). All terms share one token
    and one connection, and so do all lookups with the same options in one task.
options:
  _terms:
    description:
      - Paths of metadata items.
      - Most paths, such as V(instance-id), are relative to C(/latest/meta-data/). Paths such as V(user-data),
        V(dynamic/instance-identity/document) and V(maintenance/active-system-events) are relative to C(/latest/). Paths that
        begin with V(/latest/) or V(/2016-01-01/) are absolute.
      - The value of a path that ends in a slash is the list of the names in this directory, without slashes.
    type: list
    elements: str
    required: true
  missing:
    description:
      - How to handle an item that does not exist if O(default) is not set.
      - V(error) fails. V(null) returns null for the item. V(skip) omits the item from the result.
    type: str
    choices: [error, "null", skip]
    default: error
  default:
    description:
      - The value to return for an item that does not exist. It overrides O(missing).
    type: raw
  parse_json:
    description:
      - Return JSON objects and arrays as dictionaries and lists. Other values are returned as text.
    type: bool
    default: false
extends_documentation_fragment:
  - alicloud.imds._imds
  - alicloud.imds._imds.encoding
  - alicloud.imds._imds.controller
notes:
  - Values are never evaluated as templates, because other people may have written the tags and the user data.
  - C(ram/security-credentials/ROLE) and C(user-data) are secrets. Set C(no_log) on tasks whose result contains them. With
    ansible-core 2.22 or later, the keys of a RAM role are masked in all output.
seealso:
  - plugin: alicloud.imds.metadata_facts
    plugin_type: module
    description: Facts about managed nodes.
  - name: ECS instance metadata
    description: List of the metadata items.
    link: https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata/
"""

EXAMPLES = r"""
- name: Show the region and zone of the controller
  ansible.builtin.debug:
    msg: "{{ lookup('alicloud.imds.metadata', 'region-id') }}, {{ lookup('alicloud.imds.metadata', 'zone-id') }}"

- name: Read several items with one token, with a default for a tag that may not exist
  ansible.builtin.set_fact:
    controller_instance: "{{ items[0] }}"
    controller_stage: "{{ items[1] }}"
  vars:
    items: "{{ query('alicloud.imds.metadata', 'instance-id', 'tags/instance/stage', default='unknown') }}"

- name: Show the vSwitch of each network interface of the controller
  ansible.builtin.debug:
    msg: "{{ item }} is in {{ lookup('alicloud.imds.metadata', 'network/interfaces/macs/' ~ item ~ '/vswitch-id') }}"
  loop: "{{ lookup('alicloud.imds.metadata', 'network/interfaces/macs/', wantlist=True) | flatten }}"

- name: Show the account ID in the identity document
  ansible.builtin.debug:
    msg: "{{ lookup('alicloud.imds.metadata', 'dynamic/instance-identity/document', parse_json=True)['owner-account-id'] }}"
"""

RETURN = r"""
_list:
  description:
    - One element per term, in the order of the terms. With O(missing=skip), items that do not exist are omitted.
    - Each element is text, or a list of names for a directory. With O(parse_json=true) it can also be a dictionary or a list.
  type: list
  elements: raw
  sample: ["i-bp1d6tsvznfghy7y0000"]
"""

import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.alicloud.imds.plugins.module_utils._imds._errors import MetadataError
from ansible_collections.alicloud.imds.plugins.module_utils._imds._items import not_found, read_paths, to_value
from ansible_collections.alicloud.imds.plugins.module_utils._imds._options import shared_client
from ansible_collections.alicloud.imds.plugins.plugin_utils._lookup import check_options, refuse_facts
from ansible_collections.alicloud.imds.plugins.plugin_utils._untrusted import untrusted


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        self.set_options(var_options=variables, direct=kwargs)
        try:
            check_options("alicloud.imds.metadata", self.option_definitions, kwargs)
            refuse_facts(self.option_definitions, variables)
            client = shared_client(self.get_option)
            bodies = read_paths(client, terms)
            found = zip(terms, bodies)
            values = [self._value(client, term, body) for term, body in found if body is not None or not self._skips()]
        except (MetadataError, ValueError) as exc:
            raise AnsibleLookupError(str(exc)) from exc
        return list(map(untrusted, values))

    def _skips(self) -> bool:
        return self.get_option("missing") == "skip" and self.get_option("default") is None

    def _value(self, client: t.Any, term: str, body: bytes | None) -> t.Any:
        if body is not None:
            return to_value(term, body, self.get_option("encoding"), self.get_option("parse_json"))
        default = self.get_option("default")
        if default is None and self.get_option("missing") == "error":
            raise not_found(client, term)
        return default
