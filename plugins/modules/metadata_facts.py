#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: metadata_facts
short_description: Gather ECS instance metadata of managed nodes as facts, with a token
version_added: 0.1.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Reads the metadata of the ECS instance that it runs on and returns it as C(ansible_facts['alicloud_ecs']).
  - Reads in security hardening mode only (formerly "security-enhanced mode", comparable to IMDSv2).
  - Requests the whole tree at once if the service has C(meta-data/all), and otherwise reads directory by directory. The
    facts are the same.
  - On a host that is not an ECS instance, RV(ansible_facts.alicloud_ecs.available) is false, usually within half a second.
    On an ECS instance whose metadata service does not reply, the module fails. It also fails if O(endpoint) is set and does not reply.
  - To include these facts in normal fact gathering, add the module to the variable C(ansible_facts_modules), and
    set C(ansible_facts_parallel) to false. Otherwise ansible-core runs several fact modules in parallel and stops each after
    five seconds, whatever O(deadline) is.
  - ansible-core does not pass the keywords C(gather_subset) and C(gather_timeout) of a play to this module. Set the options of the
    module in C(module_defaults), as in the example.
options:
  gather_subset:
    description:
      - The subsets of facts to gather. The rules are those of C(ansible.builtin.setup).
      - V(all), V(min) (the IDs of instance, region and zone), V(instance), V(network), V(disks), V(public_keys), V(tags),
        V(ram) (the name of the role), V(events), V(identity) (the identity document).
      - A name after V(!) excludes a subset. V(min) is always gathered unless V(!min) is given. If only exclusions are given,
        all other subsets are gathered.
      - Secrets are not part of V(all) and must be named - V(ram_credentials), V(user_data), V(vendor_data),
        V(identity_signature). Set C(no_log) if you gather them. Facts may be cached on disk and shown by other tasks.
    type: list
    elements: str
    default: [all]
  deadline:
    description:
      - The alias O(gather_timeout) is the name that C(ansible.builtin.setup) uses.
    aliases: [gather_timeout]
extends_documentation_fragment:
  - alicloud.imds._imds
  - alicloud.imds._attributes
  - alicloud.imds._attributes.action_group
  - alicloud.imds._attributes.facts
notes:
  - Each run replaces the facts of an earlier one, because ansible-core does not merge C(ansible_facts['alicloud_ecs']). List all subsets
    that the play needs in one task.
  - ECS instances are detected by the DMI table of the host. If that does not name ECS, the module tries once, with a short
    timeout, to obtain a token. So it also works with an emulator, and in containers on ECS instances.
seealso:
  - module: alicloud.imds.metadata_info
  - name: ECS instance metadata
    description: List of the metadata items.
    link: https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata/
"""

EXAMPLES = r"""
- name: Gather all metadata that is not secret
  alicloud.imds.metadata_facts:

- name: Show the zone and the primary address
  ansible.builtin.debug:
    msg: >-
      {{ ansible_facts.alicloud_ecs.instance_id }} in {{ ansible_facts.alicloud_ecs.zone_id }} has the address
      {{ ansible_facts.alicloud_ecs.network_interfaces[0].primary_ip_address }}
  when: ansible_facts.alicloud_ecs.available

- name: Gather only tags, and the subset with the release time of a spot instance
  alicloud.imds.metadata_facts:
    gather_subset:
      - tags
      - instance

- name: Gather metadata together with the usual facts
  hosts: all
  gather_facts: true
  vars:
    ansible_facts_modules:
      - ansible.builtin.setup
      - alicloud.imds.metadata_facts
    ansible_facts_parallel: false
  module_defaults:
    alicloud.imds.metadata_facts:
      gather_subset: ["!disks"]
      gather_timeout: 15
  tasks:
    - name: Show the instance ID
      ansible.builtin.debug:
        var: ansible_facts.alicloud_ecs.instance_id
"""

RETURN = r"""
ansible_facts:
  description: Facts to add to C(ansible_facts).
  returned: always
  type: complex
  contains:
    alicloud_ecs:
      description:
        - The items below C(meta-data/), nested as in the service. Keys are the names of the service with underscores
          (C(instance-id) becomes C(instance_id)), except names that are data - MAC addresses, disk serial numbers, IDs of key
          pairs, tag keys.
        - An item that the instance does not have is omitted, or null if its description here says so.
      returned: always
      type: dict
      contains:
        available:
          description: Whether this host has a metadata service. If not, the only other fact is RV(ignore:unavailable_reason).
          returned: always
          type: bool
        unavailable_reason:
          description: Why the metadata service is not available.
          returned: when the service is not available
          type: str
        instance_id:
          description: ID of the instance.
          returned: with subset V(min)
          type: str
          sample: i-bp1d6tsvznfghy7y0000
        region_id:
          description: ID of the region.
          returned: with subset V(min)
          type: str
          sample: cn-hangzhou
        zone_id:
          description: ID of the zone.
          returned: with subset V(min)
          type: str
          sample: cn-hangzhou-i
        instance:
          description: Name, type and limits; C(max_netbw_egress) and C(max_netbw_ingress) are integers in Kbit/s.
          returned: with subset V(instance)
          type: dict
          sample: {"instance_type": "ecs.g6e.large", "max_netbw_egress": 1228800}
        hibernation:
          description: Hibernation of the instance; C(configured) is a boolean.
          returned: with subset V(instance)
          type: dict
          sample: {"configured": false}
        spot_termination_time:
          description: Announced time in UTC at which the spot instance will be released, or null.
          returned: with subset V(instance)
          type: str
          sample: "2026-04-07T17:03:00Z"
        network_interfaces:
          description:
            - The network interfaces, primary first. Each has C(mac), C(primary) and the items below its MAC address;
              C(private_ipv4s), C(ipv4_prefixes), C(ipv6s), C(ipv6_prefixes) and C(vpc_ipv6_cidr_blocks) are lists.
          returned: with subset V(network)
          type: list
          elements: dict
          sample: [{"mac": "00:16:3e:0f:0f:01", "primary": true, "primary_ip_address": "192.168.0.10", "private_ipv4s": ["192.168.0.10"]}]
        dns_conf:
          description: DNS settings; C(nameservers) is a list.
          returned: with subset V(network)
          type: dict
          sample: {"nameservers": ["100.100.2.136", "100.100.2.138"]}
        ntp_conf:
          description: NTP settings; C(ntp_servers) is a list.
          returned: with subset V(network)
          type: dict
          sample: {"ntp_servers": ["ntp1.aliyun.com"]}
        disks:
          description: Cloud disks by serial number.
          returned: with subset V(disks), if the service has this item
          type: dict
          sample: {"bp131n0q38u3a4z0000": {"id": "d-bp131n0q38u3a4z0000", "name": "data"}}
        public_keys:
          description: Key pairs by ID.
          returned: with subset V(public_keys), if the instance has a key pair
          type: dict
          sample: {"skp-bp1example": {"openssh_key": "ssh-rsa AAAA..."}}
        tags:
          description: Tags of the instance, unchanged. Empty unless tags in metadata are enabled for the instance.
          returned: with subset V(tags)
          type: dict
          sample: {"stage": "production"}
        ram_role:
          description: Name of the RAM role of the instance, or null.
          returned: with subset V(ram)
          type: str
          sample: EcsWebRole
        system_events:
          description:
            - Active system events. Their format is not published. JSON is parsed and returned unchanged; otherwise each line is
              one item.
          returned: with subset V(events)
          type: list
          elements: raw
          sample: []
        identity_document:
          description: Instance identity document, or null if the service does not have one.
          returned: with subset V(identity)
          type: dict
          sample: {"instance_id": "i-bp1d6tsvznfghy7y0000", "owner_account_id": "1609000000000000"}
        identity_signature:
          description: PKCS#7 signature of the identity document, Base64-encoded.
          returned: with subset V(identity_signature)
          type: str
        ram_credentials:
          description: Temporary keys of the RAM role, under the names that the service uses, or null without a role.
          returned: with subset V(ram_credentials)
          type: dict
        user_data:
          description:
            - User data as text, decompressed if it is gzip. Null if it is not set, not UTF-8, or cannot be decompressed completely.
          returned: with subset V(user_data)
          type: str
        user_data_base64:
          description:
            - User data that is not UTF-8, Base64-encoded. Gzip data that is damaged, cut short or larger than 1 MiB is returned as it is,
              with a warning.
          returned: with subset V(user_data), if it is not UTF-8 or cannot be decompressed
          type: str
        vendor_data:
          description: Vendor data, or null if it is not set.
          returned: with subset V(vendor_data)
          type: str
"""

import sys

if __name__ == "__main__":
    sys.modules.setdefault("ssl", None)  # http.client imports it if it can; the service has no TLS

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.alicloud.imds.plugins.module_utils._common import _python  # noqa: F401  # pylint: disable=unused-import

# isort: split
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _gather
from ansible_collections.alicloud.imds.plugins.module_utils._imds._dmi import read_platform
from ansible_collections.alicloud.imds.plugins.module_utils._imds._errors import MetadataError
from ansible_collections.alicloud.imds.plugins.module_utils._imds._options import argument_spec, make_client


def main():
    module = AnsibleModule(
        argument_spec=argument_spec(
            gather_subset={"type": "list", "elements": "str", "default": ["all"]},
            deadline={"aliases": ["gather_timeout"]},
        ),
        supports_check_mode=True,
    )
    try:
        subsets = _gather.select(module.params["gather_subset"])
        secrets = subsets & set(_gather.SECRET_SUBSETS)
        if secrets and not module.no_log:
            module.warn("The facts contain secrets (%s). Set 'no_log: true' on this task." % ", ".join(sorted(secrets)))
        facts, warnings = _gather.gather(make_client(module.params.__getitem__), read_platform(), subsets)
    except (MetadataError, ValueError) as exc:
        module.fail_json(msg=str(exc))
    for warning in warnings:
        module.warn(warning)
    module.exit_json(ansible_facts={"alicloud_ecs": facts})


if __name__ == "__main__":
    main()
