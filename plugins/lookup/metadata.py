# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: metadata
short_description: ECS instance metadata of the controller, read with a token
version_added: 0.1.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Runs on the controller, as every lookup does, and returns the metadata of the ECS instance that the B(controller) runs on. For
    the metadata of managed nodes use M(alicloud.imds.metadata_facts) or M(alicloud.imds.metadata_info).
  - Reads in security-enhanced mode only. All terms share one token and one connection, and so do all lookups with the same
    options in one task.
options:
  _terms:
    description:
      - Paths of metadata items.
      - V(instance-id) is the item below C(/latest/meta-data/). V(dynamic/instance-identity/document), V(user-data) and
        V(maintenance/active-system-events) are below C(/latest/). V(/latest/…) and V(/2016-01-01/…) are taken as they are.
      - A path with a slash at its end is a directory, and its value the list of the names in it, without their slashes.
    type: list
    elements: str
    required: true
  missing:
    description:
      - What to do about an item that does not exist, and for which O(default) is not given.
      - V(error) fails, V(null) returns null in its place, V(skip) returns nothing in its place.
    type: str
    choices: [error, "null", skip]
    default: error
  default:
    description:
      - The value of an item that does not exist.
    type: raw
  parse_json:
    description:
      - Return JSON objects and arrays as dictionaries and lists. Any other value stays text.
    type: bool
    default: false
  encoding:
    description:
      - V(base64) returns the bytes of the values Base64-encoded, for user data that is not text.
    type: str
    choices: [text, base64]
    default: text
extends_documentation_fragment:
  - alicloud.imds._imds
  - alicloud.imds._imds.controller
notes:
  - The values are not trusted as templates. Tags and user data may have been written by somebody else.
  - C(ram/security-credentials/…) and C(user-data) are secrets. Set C(no_log) on tasks whose result holds them. With
    ansible-core 2.22 or later the keys of a RAM role are masked in all output.
seealso:
  - plugin: alicloud.imds.metadata_facts
    plugin_type: module
    description: Facts about managed nodes.
  - name: ECS instance metadata
    description: The items that the service has.
    link: https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata/
"""

EXAMPLES = r"""
- name: Show where the controller runs
  ansible.builtin.debug:
    msg: "{{ lookup('alicloud.imds.metadata', 'region-id') }}, {{ lookup('alicloud.imds.metadata', 'zone-id') }}"

- name: Read several items with one token, and take a tag only if there is such a tag
  ansible.builtin.set_fact:
    controller_instance: "{{ items[0] }}"
    controller_stage: "{{ items[1] }}"
  vars:
    items: "{{ query('alicloud.imds.metadata', 'instance-id', 'tags/instance/stage', default='unknown') }}"

- name: Go through the network interfaces of the controller
  ansible.builtin.debug:
    msg: "{{ item }} is in {{ lookup('alicloud.imds.metadata', 'network/interfaces/macs/' ~ item ~ '/vswitch-id') }}"
  loop: "{{ lookup('alicloud.imds.metadata', 'network/interfaces/macs/', wantlist=True) | flatten }}"

- name: Use a member of the identity document
  ansible.builtin.debug:
    msg: "{{ lookup('alicloud.imds.metadata', 'dynamic/instance-identity/document', parse_json=True)['owner-account-id'] }}"
"""

RETURN = r"""
_list:
  description:
    - One element per term, in their order. Terms for which O(missing=skip) applies have none.
    - Text, a list of text for a directory, or with O(parse_json=true) also a dictionary or list.
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


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        self.set_options(var_options=variables, direct=kwargs)
        try:
            client = shared_client(self.get_option)
            bodies = read_paths(client, terms)
            found = zip(terms, bodies)
            return [self._value(client, term, body) for term, body in found if body is not None or not self._skips()]
        except (MetadataError, ValueError) as exc:
            raise AnsibleLookupError(str(exc)) from exc

    def _skips(self) -> bool:
        return self.get_option("missing") == "skip" and self.get_option("default") is None

    def _value(self, client: t.Any, term: str, body: bytes | None) -> t.Any:
        if body is not None:
            return to_value(term, body, self.get_option("encoding"), self.get_option("parse_json"))
        default = self.get_option("default")
        if default is None and self.get_option("missing") == "error":
            raise not_found(client, term)
        return default
