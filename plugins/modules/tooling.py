#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: tooling
short_description: Install or remove the ecs-metadata command on managed nodes
version_added: 0.2.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Installs the command C(ecs-metadata) in C(/usr/local), its completion for bash, zsh and fish, and a local fact that provides the
    instance's metadata as C(ansible_local.alicloud_ecs) in normal fact gathering. The host needs Python 3.6 or later.
  - The installed programs run with the Python interpreter that the task runs with, and are renewed if it changes.
  - After an installation, the task starts the command and the local fact once. If one of them does not run, the task fails with its
    error message, and the change is rolled back.
  - The command consists of files of this collection. All files belong to the user that the task runs as, which should be root.
    C(/usr/local/lib/ecs-metadata/manifest.json) lists them with their checksums.
  - Searches the usual directories of scripts for normal-mode requests, and warns if it finds some. It does not change these scripts.
options:
  state:
    description:
      - V(present) installs the files, and repairs those that were changed or removed.
      - V(absent) removes the files and the directories that were created for them.
      - V(restored) restores the state before another task of this module, which O(before) describes.
    type: str
    choices: [present, absent, restored]
    default: present
  local_fact:
    description:
      - Whether to install the local fact. It contains no secrets and takes a few seconds at most. Outside of Alibaba Cloud it
        contains C(available=false).
    type: bool
    default: true
  watch:
    description:
      - Whether to install and start the callers watch, C(alicloud-imds-watch.service), which records the callers of the metadata
        service and their request modes. See M(alicloud.imds.callers_info).
      - With V(false) the watch is removed together with its records. By default, it is left as it is.
      - The unit limits the watch to 256 MiB of memory and one processor.
      - If systemd is not process 1, the unit is installed but not started.
      - The watch needs systemd 239 or later. It attributes requests with BPF (Linux 5.8), or else with a tracepoint (Linux 4.16). On other
        kernels its coverage is partial, see RV(alicloud.imds.callers_info#module:watch.coverage).
    type: bool
  before:
    description:
      - The return value RV(before) of the task to undo.
      - Required with O(state=restored).
    type: dict
extends_documentation_fragment:
  - alicloud.imds._attributes
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the changed status prediction.
  diff_mode:
    support: full
    description: Returns the files that change, programs by size and checksum only.
"""

EXAMPLES = r"""
- name: Install the ecs-metadata command and related files
  alicloud.imds.tooling:
  become: true

- name: Remove the ecs-metadata command and related files
  alicloud.imds.tooling:
    state: absent
  become: true
"""

RETURN = r"""
before:
  description: The previous state, for O(before) of a later task. Empty with O(state=restored).
  returned: success
  type: dict
watch:
  description: Whether the callers watch is installed now.
  returned: with O(state=present) or O(state=absent)
  type: bool
normal_mode_scripts:
  description: Scripts that read metadata with normal-mode requests, by path and line.
  returned: with O(state=present)
  type: list
  elements: dict
  sample: [{"path": "/etc/cron.daily/backup", "line": 12}]
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.alicloud.imds.plugins.module_utils._common import _python  # noqa: F401  # pylint: disable=unused-import

# isort: split
from ansible_collections.alicloud.imds.plugins.module_utils._host import _install
from ansible_collections.alicloud.imds.plugins.module_utils._host._subprocess import HostError
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._scripts import normal_mode_readers

SHOWN = 5


def warn_of_normal_mode_scripts(module):
    found = normal_mode_readers()
    if found:
        some = ", ".join("%s line %d" % place for place in found[:SHOWN]) + (", ..." if len(found) > SHOWN else "")
        text = (
            "Scripts on this host read metadata with normal-mode requests (%d), which fail once tokens are required: %s."
            " Use the command ecs-metadata instead."
        )
        module.warn(text % (len(found), some))
    return [{"path": path, "line": line} for path, line in found]


def main():
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent", "restored"], "default": "present"},
            "local_fact": {"type": "bool", "default": True},
            "watch": {"type": "bool"},
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
        hint = " The module needs root. Set 'become: true'." if os.geteuid() != 0 else ""
        module.fail_json(msg=str(exc) + hint)
    result = {"watch": outcome.watch}
    if present:
        result["normal_mode_scripts"] = warn_of_normal_mode_scripts(module)
    module.exit_json(changed=outcome.changed, before=outcome.before, diff=outcome.diff, **result)


if __name__ == "__main__":
    main()
