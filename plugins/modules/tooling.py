#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tooling
short_description: Install the command ecs-metadata on managed nodes, or remove it
version_added: 0.2.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Installs the command C(ecs-metadata) in C(/usr/local), with its completion and manual page, and a local fact, so that
    C(ansible_local.alicloud_ecs) holds the instance's metadata in normal fact gathering. The host needs Python 3.8 or later.
  - The command is made of the very files of this collection. All files belong to the user that the task runs as, which should
    be root, and C(/usr/local/lib/ecs-metadata/manifest.json) lists them with their checksums.
options:
  state:
    description:
      - V(present) brings all files to what they should be. V(absent) removes them and the directories that were made for them.
      - V(restored) brings back what was there before another task of this module changed it; it needs O(before).
    type: str
    choices: [present, absent, restored]
    default: present
  local_fact:
    description:
      - Whether the local fact is part of it. It holds no secrets, takes a few seconds at most, and away from Alibaba Cloud says
        C(available=false).
    type: bool
    default: true
  before:
    description:
      - The return value RV(before) of the task to undo.
    type: dict
extends_documentation_fragment:
  - alicloud.imds._attributes
attributes:
  check_mode:
    description: Can run in C(check_mode) and says what would change.
  diff_mode:
    support: full
    description: Returns which files change; programs by size and checksum only.
"""

EXAMPLES = r"""
- name: Install the command
  alicloud.imds.tooling:
  become: true

- name: Remove it without a trace
  alicloud.imds.tooling:
    state: absent
  become: true
"""

RETURN = r"""
before:
  description: What was there before, for O(before) of a later task; O(state=restored) returns an empty one.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.alicloud.imds.plugins.module_utils._host import _tooling
from ansible_collections.alicloud.imds.plugins.module_utils._host._programs import HostError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent", "restored"], "default": "present"},
            "local_fact": {"type": "bool", "default": True},
            "before": {"type": "dict"},
        },
        required_if=[("state", "restored", ["before"])],
        supports_check_mode=True,
    )
    params = module.params
    try:
        if params["state"] == "restored":
            module.exit_json(changed=not module.check_mode and _tooling.restore(params["before"]), before={})
        outcome = _tooling.bring(params["state"] == "present", params["local_fact"], module.check_mode)
    except HostError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=outcome.changed, before=outcome.before, diff=outcome.diff)


if __name__ == "__main__":
    main()
