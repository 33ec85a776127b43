#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: fence
short_description: Limit the users of a host that may reach the ECS metadata service
version_added: 0.2.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Manages a metadata firewall, the fence. Its nftables rules let only root, the allowed users and the allowed groups open connections
    to port 80 of the metadata service, at C(100.100.100.200) and C(fd00:100::100:200). Networks behind the host, such as those of
    containers, are refused unless they are allowed.
  - The rules are in nftables tables of their own and match no other traffic.
  - Where Linux (5.16 or later) and nftables (1.0.1 or later) have the egress hook, rules at the network cards also cover containers
    whose packets do not pass the IP layer of the host (macvlan, ipvlan, a bridge with a network card). Elsewhere the module warns if it
    finds signs of such containers.
  - Tokens do not protect against an attacker that runs commands on the host. The fence does, for users other than root.
  - The tables are replaced atomically. They are loaded at boot before the network starts, and again after C(nftables.service) restarts.
    A timer compares the loaded rules every 30 s. If another program removed or changed them, it loads them again and records that in
    the journal and in RV(repairs). Stopping the units does not remove the rules; only O(mode=off) does.
    The rules never accept what another firewall refuses.
  - Tests TCP connections to O(adjacent_services) before and after the change. If the fence made one of them unreachable, the change
    is rolled back and the task fails.
options:
  state:
    description:
      - V(present) sets the mode O(mode).
      - V(restored) restores the state before another task of this module, which O(before) describes.
    type: str
    choices: [present, restored]
    default: present
  mode:
    description:
      - V(enforce) rejects the connections of all others. Programs notice that at once, or after a second if they use a blocking
        C(connect()) with IPv4.
      - V(audit) accepts them, counts them by user, and logs some of them to the kernel's log.
      - V("off") removes the rules and all files of the fence.
      - Required with O(state=present).
    type: str
    choices: ["off", audit, enforce]
  allowed_users:
    description:
      - Users that may open connections, in addition to root. A number is a user ID, with or without an entry in the user database.
    type: list
    elements: str
    default: []
  allowed_groups:
    description:
      - Groups whose processes may open connections. A number is a group ID.
      - A process belongs to a group if it is the process's own group, as with C(Group=) of a unit, or if the group database lists the
        process's user as a member when the task runs. Run the task again after the members change.
    type: list
    elements: str
    default: []
  allowed_sources:
    description:
      - IPv4 and IPv6 networks behind this host, such as those of containers, that may open connections.
    type: list
    elements: str
    default: []
  deny_services:
    description:
      - systemd units whose processes must not reach the service, regardless of their user, for example C(nginx.service). With
        O(mode=enforce) they get the setting C(IPAddressDeny=), which also applies to running units without a restart.
      - A unit that does not exist is an error. With O(mode=enforce), so is a host where systemd does not enforce the setting, which
        needs control groups v2.
      - If such a unit runs as root or as an allowed user, and with IPv6 always, its packets are dropped, so its programs wait for their own
        timeouts. The others are rejected.
    type: list
    elements: str
    default: []
  adjacent_services:
    description:
      - TCP addresses, as C(HOST:PORT) or C([IPV6]:PORT), of adjacent services that must stay as reachable as before the change. The
        defaults are the name servers of Alibaba Cloud.
    type: list
    elements: str
    default: ["100.100.2.136:53", "100.100.2.138:53"]
  before:
    description:
      - The return value RV(before) of the task to undo.
      - Required with O(state=restored).
    type: dict
extends_documentation_fragment:
  - alicloud.imds._attributes
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the changed status prediction. C(nft) checks the rules without loading them.
  diff_mode:
    support: full
    description: Returns the files and rules that change.
notes:
  - Needs root, nftables 0.9.3 or later and Linux 4.18 or later. If systemd is not process 1, the rules are not loaded at boot and
    not compared periodically.
  - Connections that are already open stay open.
  - Root can always reach the service, and so can every process that can become root.
"""

EXAMPLES = r"""
- name: Count the connections that would be refused
  alicloud.imds.fence:
    mode: audit
  become: true

- name: Allow only root and the group imds, and deny access to nginx
  alicloud.imds.fence:
    mode: enforce
    allowed_groups: [imds]
    deny_services: [nginx.service]
  become: true
"""

RETURN = r"""
before:
  description: The previous state, for O(before) of a later task. Empty with O(state=restored).
  returned: success
  type: dict
mode:
  description: The mode of the fence, in check mode the mode it would have.
  returned: with O(state=present)
  type: str
  sample: audit
nft_missing:
  description: Whether the task failed because the host has no program C(nft).
  returned: failure
  type: bool
refused:
  description:
    - The users that the fence refused, or in mode V(audit) would have refused, and the number of their connections, before this
      task and since the rules were loaded.
    - The kernel limits how many refusals of IPv4 connections it reports at once (C(net.ipv4.icmp_msgs_burst)). A connection beyond
      that is tried again after a second, and counted again.
  returned: success
  type: list
  elements: dict
  sample: [{"uid": 33, "user": "www-data", "connections": 12}]
refused_others:
  description:
    - The number of connections of users that RV(refused) does not list, because it has its maximum of 4,096 users. The module warns if it
      is not 0.
  returned: success
  type: int
  sample: 0
refused_forwarded:
  description: The number of refused connections that the host forwarded, such as those of containers behind a bridge.
  returned: success
  type: int
  sample: 0
refused_direct:
  description:
    - The number of connections refused at the egress hook of network cards, such as those of containers with a macvlan network. In mode
      V(audit) it includes forwarded connections whose source address is not one of the host.
  returned: success
  type: int
  sample: 0
repairs:
  description:
    - When and why (V(removed) or V(changed) by another program) the rules were loaded again, since the host started. The last 100.
  returned: success
  type: list
  elements: dict
  sample: [{"time": "2026-11-25T07:00:00Z", "reason": "removed"}]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.alicloud.imds.plugins.module_utils._common import _python  # noqa: F401  # pylint: disable=unused-import

# isort: split
from ansible_collections.alicloud.imds.plugins.module_utils._host import _fence, _fence_files, _reachability
from ansible_collections.alicloud.imds.plugins.module_utils._host._fence_rules import MODES, MOST_USERS
from ansible_collections.alicloud.imds.plugins.module_utils._host._subprocess import HostError

_FULL = "The fence lists its maximum of %d users. Further users are counted together: refused_others is %d."
NAMES = {"type": "list", "elements": "str", "default": []}


def main():
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "restored"], "default": "present"},
            "mode": {"type": "str", "choices": list(MODES)},
            "allowed_users": NAMES,
            "allowed_groups": NAMES,
            "allowed_sources": NAMES,
            "deny_services": NAMES,
            "adjacent_services": dict(NAMES, default=list(_reachability.DEFAULT)),
            "before": {"type": "dict"},
        },
        required_if=[("state", "present", ["mode"]), ("state", "restored", ["before"])],
        supports_check_mode=True,
    )
    params = module.params
    try:
        refused = _fence.refused()
        if refused["refused_others"]:
            module.warn(_FULL % (MOST_USERS, refused["refused_others"]))
        if params["state"] == "restored":
            changed = not module.check_mode and _fence.restore(params["before"])
            module.exit_json(changed=changed, before={}, **refused)
        desired = _fence_files.Desired(
            params["mode"],
            params["allowed_users"],
            params["allowed_groups"],
            params["allowed_sources"],
            params["deny_services"],
            params["adjacent_services"],
        )
        outcome = _fence.apply(desired, module.check_mode)
    except HostError as exc:
        module.fail_json(msg=str(exc), nft_missing=isinstance(exc, _fence_files.NftMissing))
    for warning in outcome.warnings:
        module.warn(warning)
    result = dict(refused, before=outcome.before, diff=outcome.diff)
    module.exit_json(changed=outcome.changed, mode=params["mode"], **result)


if __name__ == "__main__":
    main()
