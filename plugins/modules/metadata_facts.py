#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: metadata_facts
short_description: ECS instance metadata of managed nodes as facts, read with a token
version_added: 0.1.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Reads the metadata of the ECS instance that it runs on, in security-enhanced mode only, and returns it as
    C(ansible_facts['alicloud_ecs']).
  - Asks for the whole tree in one request where the service has C(meta-data/all), and walks the directories otherwise. The
    facts are the same.
  - On a host that is no ECS instance RV(ansible_facts.alicloud_ecs.available) is false, within half a second. On an ECS
    instance whose metadata service does not answer, the module fails.
  - To have these facts from normal fact gathering, add the module to the variable C(ansible_facts_modules).
options:
  gather_subset:
    description:
      - Which facts to gather. V(all) is everything that is not a secret; a name with V(!) before it leaves that subset out;
        V(min) (instance, region and zone) stays unless V(!min) is given. With names only, these and V(min) are gathered.
      - V(all), V(min), V(instance), V(network), V(disks), V(public_keys), V(tags), V(ram) (the name of the role), V(events),
        V(identity) (the identity document).
      - Secrets come only when they are named, and V(all) does not name them - V(ram_credentials), V(user_data), V(vendor_data),
        V(identity_signature). Facts may be cached on disk and shown by other tasks, so think twice, and set C(no_log).
    type: list
    elements: str
    default: [all]
  deadline:
    description:
      - Also known as O(gather_timeout), the name that fact gathering uses.
    aliases: [gather_timeout]
extends_documentation_fragment:
  - alicloud.imds._imds
  - alicloud.imds._attributes
  - alicloud.imds._attributes.action_group
  - alicloud.imds._attributes.facts
notes:
  - The DMI table of the host tells whether it is an ECS instance. Where it does not say so, one quick attempt to obtain a token
    decides, so that an emulator and containers on ECS instances work as well.
seealso:
  - module: alicloud.imds.metadata_info
  - name: ECS instance metadata
    description: The items that the service has.
    link: https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata/
"""

EXAMPLES = r"""
- name: Gather all metadata that is not secret
  alicloud.imds.metadata_facts:

- name: Use it
  ansible.builtin.debug:
    msg: >-
      {{ ansible_facts.alicloud_ecs.instance_id }} in {{ ansible_facts.alicloud_ecs.zone_id }} has the address
      {{ ansible_facts.alicloud_ecs.network_interfaces[0].primary_ip_address }}
  when: ansible_facts.alicloud_ecs.available

- name: Gather tags and the announcement of a spot release only
  alicloud.imds.metadata_facts:
    gather_subset:
      - tags
      - instance

- name: Gather it together with the usual facts
  hosts: all
  gather_facts: true
  vars:
    ansible_facts_modules:
      - ansible.builtin.setup
      - alicloud.imds.metadata_facts
  module_defaults:
    alicloud.imds.metadata_facts:
      gather_subset: ["!disks"]
      gather_timeout: 5
  tasks:
    - name: Show the instance
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
        - The items below C(meta-data/) with the nesting of the service. Keys are the service's names with underscores
          (C(instance-id) is C(instance_id)), except names that are data - MAC addresses, disk serial numbers, key pair ids, tag keys.
        - An item that the instance does not have is left out, or null where it is described here.
      returned: always
      type: dict
      contains:
        available:
          description: Whether there is a metadata service for this host. Without it there is only RV(ignore:unavailable_reason) besides.
          returned: always
          type: bool
        unavailable_reason:
          description: Why there is no metadata.
          returned: when not available
          type: str
        instance_id:
          description: The instance ID.
          returned: with subset V(min)
          type: str
          sample: i-bp1d6tsvznfghy7y0000
        region_id:
          description: The region ID.
          returned: with subset V(min)
          type: str
          sample: cn-hangzhou
        zone_id:
          description: The zone ID.
          returned: with subset V(min)
          type: str
          sample: cn-hangzhou-i
        instance:
          description: Name, type and limits; C(max_netbw_egress) and C(max_netbw_ingress) are integers in Kbit/s.
          returned: with subset V(instance)
          type: dict
          sample: {"instance_type": "ecs.g6e.large", "max_netbw_egress": 1228800}
        hibernation:
          description: C(configured) is a boolean.
          returned: with subset V(instance)
          type: dict
          sample: {"configured": false}
        spot_termination_time:
          description: When the spot instance will be released, in UTC; null unless that has been announced.
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
          description: C(nameservers) is a list.
          returned: with subset V(network)
          type: dict
          sample: {"nameservers": ["100.100.2.136", "100.100.2.138"]}
        ntp_conf:
          description: C(ntp_servers) is a list.
          returned: with subset V(network)
          type: dict
          sample: {"ntp_servers": ["ntp1.aliyun.com"]}
        disks:
          description: Cloud disks by serial number.
          returned: with subset V(disks), where the service has it
          type: dict
          sample: {"bp131n0q38u3a4z0000": {"id": "d-bp131n0q38u3a4z0000", "name": "data"}}
        public_keys:
          description: Key pairs by ID.
          returned: with subset V(public_keys), where the instance has one
          type: dict
          sample: {"skp-bp1example": {"openssh_key": "ssh-rsa AAAA..."}}
        tags:
          description: Tags of the instance, verbatim; empty unless tags in metadata are enabled for it.
          returned: with subset V(tags)
          type: dict
          sample: {"stage": "production"}
        ram_role:
          description: Name of the RAM role of the instance, null if it has none.
          returned: with subset V(ram)
          type: str
          sample: EcsWebRole
        system_events:
          description:
            - Active system events. Their format is not published, so JSON is parsed and left as it is, and anything else is one
              item per line.
          returned: with subset V(events)
          type: list
          elements: raw
          sample: []
        identity_document:
          description: The instance identity document, null if the service has none.
          returned: with subset V(identity)
          type: dict
          sample: {"instance_id": "i-bp1d6tsvznfghy7y0000", "owner_account_id": "1609000000000000"}
        identity_signature:
          description: The PKCS#7 signature of the identity document, Base64.
          returned: with subset V(identity_signature)
          type: str
        ram_credentials:
          description: The temporary keys of the RAM role, with the names that the service uses; null if there is no role.
          returned: with subset V(ram_credentials)
          type: dict
        user_data:
          description: User data as text, unpacked if it was gzipped; null if it is not set or not text.
          returned: with subset V(user_data)
          type: str
        user_data_base64:
          description: User data that is not text, Base64-encoded.
          returned: with subset V(user_data), when it is not UTF-8
          type: str
        vendor_data:
          description: Vendor data, null if it is not set.
          returned: with subset V(vendor_data)
          type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _gather
from ansible_collections.alicloud.imds.plugins.module_utils._imds._dmi import read_platform
from ansible_collections.alicloud.imds.plugins.module_utils._imds._errors import MetadataError
from ansible_collections.alicloud.imds.plugins.module_utils._imds._options import argument_spec, make_client


def main() -> None:
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
            module.warn("The facts hold secrets (%s). Set 'no_log: true' on this task." % ", ".join(sorted(secrets)))
        facts, warnings = _gather.gather(make_client(module.params.__getitem__), read_platform(), subsets)
    except (MetadataError, ValueError) as exc:
        module.fail_json(msg=str(exc))
    for warning in warnings:
        module.warn(warning)
    module.exit_json(ansible_facts={"alicloud_ecs": facts})


if __name__ == "__main__":
    main()
