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
  - Installs the command C(ecs-metadata) in C(/usr/local), with its completion, and a local fact, so that
    C(ansible_local.alicloud_ecs) holds the instance's metadata in normal fact gathering. The host needs Python 3.8 or later.
  - The command is made of the very files of this collection. All files belong to the user that the task runs as, which should
    be root, and C(/usr/local/lib/ecs-metadata/manifest.json) lists them with their checksums.
  - Looks through the usual places of scripts for reads without a token, and warns of them. Nothing of that is changed.
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
  watch:
    description:
      - Whether the callers watch is part of it, C(alicloud-imds-watch.service), which records who uses the service, and in which
        mode. See M(alicloud.imds.callers_info). What it has recorded goes with it.
      - Where systemd is not process 1, only its unit is installed.
    type: bool
    default: false
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
plain_readers:
  description: Scripts that read metadata without a token, by path and line.
  returned: with O(state=present)
  type: list
  elements: dict
  sample: [{"path": "/etc/cron.daily/backup", "line": 12}]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.alicloud.imds.plugins.module_utils._host import _install
from ansible_collections.alicloud.imds.plugins.module_utils._host._subprocess import HostError
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._scripts import normal_mode_readers

SHOWN = 5


def warn_of_plain_readers(module: AnsibleModule) -> list[dict[str, object]]:
    found = normal_mode_readers()
    if found:
        some = ", ".join("%s line %d" % place for place in found[:SHOWN]) + (", ..." if len(found) > SHOWN else "")
        text = "Scripts on this host read metadata without a token, and will fail once it is required (%d): %s"
        module.warn(text % (len(found), some))
    return [{"path": path, "line": line} for path, line in found]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent", "restored"], "default": "present"},
            "local_fact": {"type": "bool", "default": True},
            "watch": {"type": "bool", "default": False},
            "before": {"type": "dict"},
        },
        required_if=[("state", "restored", ["before"])],
        supports_check_mode=True,
    )
    params = module.params
    try:
        if params["state"] == "restored":
            module.exit_json(changed=not module.check_mode and _install.restore(params["before"]), before={})
        present = params["state"] == "present"
        outcome = _install.apply(_install.Desired(present, params["local_fact"], params["watch"]), module.check_mode)
    except HostError as exc:
        module.fail_json(msg=str(exc))
    result = {"plain_readers": warn_of_plain_readers(module)} if present else {}
    module.exit_json(changed=outcome.changed, before=outcome.before, diff=outcome.diff, **result)


if __name__ == "__main__":
    main()
