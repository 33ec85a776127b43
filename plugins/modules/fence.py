#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fence
short_description: Decide which users of a host may reach the ECS metadata service
version_added: 0.2.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Puts up rules in a table of their own (nftables) that let only root and chosen users and groups open connections to
    C(100.100.100.200) port 80, and nobody behind the host (containers) unless chosen. Nothing else is touched.
  - Tokens do not help against somebody who can run commands on the host; this does, for users other than root.
  - The rules are replaced in one step, come back at boot before the network does, and after C(nftables.service) was restarted.
    Other firewalls keep working, as the rules never allow what another one refuses.
  - Before and after, some addresses beside the service's are tried. Where one got worse, everything is put back, and the task fails.
options:
  state:
    description:
      - V(present) brings the fence to O(mode). V(restored) brings back what was there before another task of this module changed
        it; it needs O(before).
    type: str
    choices: [present, restored]
    default: present
  mode:
    description:
      - V(enforce) refuses all others at once. V(audit) lets them pass, counts them by user, and writes some to the kernel's log.
        V(off) removes everything.
    type: str
    choices: ["off", audit, enforce]
  allowed_users:
    description:
      - Users that may, besides root.
    type: list
    elements: str
    default: []
  allowed_groups:
    description:
      - Groups that may. A process counts as member where the group is its own (as with C(Group=) of a unit), or where its
        user is listed in the group at the time of the task; run it again after changing members.
    type: list
    elements: str
    default: []
  allowed_sources:
    description:
      - IPv4 networks behind this host, such as those of containers, that may.
    type: list
    elements: str
    default: []
  deny_services:
    description:
      - systemd units that may not whoever they run as, such as C(nginx.service). They get C(IPAddressDeny=), in O(mode=enforce) only.
        A unit that runs takes it over without being restarted.
      - Where such a unit runs as root or as somebody who may, its packets vanish, so that it waits for its own timeout. All others
        are refused at once.
    type: list
    elements: str
    default: []
  neighbours:
    description:
      - TCP addresses, as C(HOST:PORT), that must stay as reachable as before. The default are the name servers of Alibaba Cloud.
    type: list
    elements: str
    default: ["100.100.2.136:53", "100.100.2.138:53"]
  before:
    description:
      - The return value RV(before) of the task to undo.
    type: dict
extends_documentation_fragment:
  - alicloud.imds._attributes
attributes:
  check_mode:
    description: Can run in C(check_mode) and says what would change; the rules are checked by nft, but not loaded.
  diff_mode:
    support: full
    description: Returns the files and rules that change.
notes:
  - Needs root, nftables 0.9 or later and Linux 4.18 or later. Where systemd is not process 1, nothing loads the rules at boot.
  - A connection that is open already stays open.
  - Root can always reach the service, and so can whoever can become root.
"""

EXAMPLES = r"""
- name: Count who would be refused
  alicloud.imds.fence:
    mode: audit
  become: true

- name: Only root, and the group imds
  alicloud.imds.fence:
    mode: enforce
    allowed_groups: [imds]
    deny_services: [nginx.service]
  become: true
"""

RETURN = r"""
before:
  description: What was there before, for O(before) of a later task; O(state=restored) returns an empty one.
  returned: success
  type: dict
mode:
  description: The mode that the fence is in, or in check mode would be.
  returned: with O(state=present)
  type: str
  sample: audit
refused:
  description:
    - Which users were refused, or in audit would be, and how many connections of theirs, since the rules were loaded.
  returned: success
  type: list
  elements: dict
  sample: [{"uid": 33, "user": "www-data", "connections": 12}]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.alicloud.imds.plugins.module_utils._host import _fence, _fence_files, _reachability
from ansible_collections.alicloud.imds.plugins.module_utils._host._fence_rules import MODES
from ansible_collections.alicloud.imds.plugins.module_utils._host._subprocess import HostError

NAMES = {"type": "list", "elements": "str", "default": []}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "restored"], "default": "present"},
            "mode": {"type": "str", "choices": list(MODES)},
            "allowed_users": NAMES,
            "allowed_groups": NAMES,
            "allowed_sources": NAMES,
            "deny_services": NAMES,
            "neighbours": dict(NAMES, default=list(_reachability.DEFAULT)),
            "before": {"type": "dict"},
        },
        required_if=[("state", "present", ["mode"]), ("state", "restored", ["before"])],
        supports_check_mode=True,
    )
    params = module.params
    try:
        refused = _fence.refused()
        if params["state"] == "restored":
            changed = not module.check_mode and _fence.restore(params["before"])
            module.exit_json(changed=changed, before={}, refused=refused)
        desired = _fence_files.Desired(
            params["mode"],
            params["allowed_users"],
            params["allowed_groups"],
            params["allowed_sources"],
            params["deny_services"],
            params["neighbours"],
        )
        outcome = _fence.apply(desired, module.check_mode)
    except HostError as exc:
        module.fail_json(msg=str(exc))
    result = {"before": outcome.before, "diff": outcome.diff, "refused": refused}
    module.exit_json(changed=outcome.changed, mode=params["mode"], **result)


if __name__ == "__main__":
    main()
