#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: access_modes_info
short_description: Probe which access modes the ECS metadata service offers to managed nodes
version_added: 0.1.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Probes from inside an ECS instance whether the metadata service answers normal-mode requests, and whether it follows the rules of
    security hardening mode (formerly "security-enhanced mode", comparable to IMDSv2).
  - This is the only plugin of the collection that sends a normal-mode request. It requests the instance ID and discards the value.
    Both addresses of the service are probed, V(http://100.100.100.200) and V(http://[fd00:100::100:200]), unless O(endpoint) is set.
  - The request appears in the cloud's log of normal-mode accesses. The module records each probe on the host if it runs as root, so the
    callers watch recognizes it, and M(alicloud.imds.callers_info) and the preflight check do not count it.
options:
  users:
    description:
      - Users of the managed node to probe as, in addition to the user of this task. Each probe runs in a process of its own with all
        groups of that user, and is killed 30 seconds after O(deadline). Needs root.
    version_added: 0.2.0
    type: list
    elements: str
    default: []
  allowed_users:
    description:
      - Also probe as these users. Each must get the same verdict as the user of the task, at each address of the service.
    version_added: 0.2.0
    type: list
    elements: str
    default: []
  refused_users:
    description:
      - Users to probe as that must reach no address of the service.
    version_added: 0.2.0
    type: list
    elements: str
    default: []
  identity:
    description:
      - Whether to return the IDs of the instance and its region.
    version_added: 0.2.0
    type: bool
    default: false
  audience:
    description:
      - Also return the instance identity document, signed for this audience, as RV(signed_identity). The filter
        P(alicloud.imds.verified_identity#filter) verifies it on the controller.
      - Choose an audience that nobody can predict, another one for each host and each run. Otherwise the document could be a recorded one.
    version_added: 1.0.0
    type: str
  expect:
    description:
      - Expected verdicts. If the verdict is another one, the probe is repeated for O(wait) seconds.
      - By default every verdict is accepted.
    version_added: 0.2.0
    type: list
    elements: str
    choices: [optional, unknown, required, disabled, unreachable]
  wait:
    description:
      - Seconds to wait for a verdict in O(expect). A change of the metadata options takes effect on the instance after a delay.
    version_added: 0.2.0
    type: float
    default: 0.0
  unmet:
    description:
      - What to do if a condition of O(expect), O(allowed_users), O(refused_users) or O(cloud_init) is not met.
      - V(fail) fails the task. V(report) only returns RV(unmet).
    version_added: 0.3.0
    type: str
    choices: [fail, report]
    default: fail
  cloud_init:
    description:
      - Whether to let cloud-init search for its data source as it does at boot, if it is installed and enabled. The result is not kept.
      - A cloud-init that does not support tokens finds no data source once tokens are required, and the next boot of the instance fails.
        With O(expect), this is an unmet condition, and so is a search that fails or does not end within a minute.
    version_added: 0.2.0
    type: bool
    default: false
extends_documentation_fragment:
  - alicloud.imds._imds
  - alicloud.imds._attributes
  - alicloud.imds._attributes.action_group
notes:
  - If the service cannot be reached, the task succeeds with the verdict V(unreachable), unless O(expect) excludes it.
seealso:
  - name: Access instance metadata in security hardening mode only
    description: How the two modes differ, and how to require tokens.
    link: https://www.alibabacloud.com/help/en/ecs/user-guide/access-instance-metadata-using-hardened-only-mode
"""

EXAMPLES = r"""
- name: Probe the access modes
  alicloud.imds.access_modes_info:
  register: modes

- name: Verify that tokens are required, also for an unprivileged user
  alicloud.imds.access_modes_info:
    expect: [required, disabled]
    users: [nobody]
"""

RETURN = r"""
verdict:
  description:
    - V(optional) if an address of the service answers normal-mode requests. V(required) if every address that can be reached answers
      only token-authenticated requests. V(disabled) if it refuses both.
    - V(unreachable) if no address accepts a connection, for example because a firewall rejects it.
    - V(unknown) if an address accepts connections, but no answer shows its modes, for example because all answers are errors.
    - RV(problems) has the reason for the last two.
  returned: success
  type: str
  sample: required
checks:
  description:
    - The result of each request to the address that decides the verdict. Empty if the service is unreachable.
    - C(status) is an HTTP status, or null if there was no answer.
  returned: success
  type: dict
  contains:
    normal_mode_read:
      description: A normal-mode request. C(answered) is true if it returned metadata.
      returned: when the service can be reached
      type: dict
      sample: {"status": 403, "answered": false}
    token_read:
      description: A token-authenticated request. C(answered) is true if it returned metadata.
      returned: when the service can be reached
      type: dict
      sample: {"status": 200, "answered": true}
    forwarded_token_request:
      description: A token request with the header C(X-Forwarded-For), which a proxy would add. The documented status is 403.
      returned: when the service can be reached
      type: dict
      sample: {"status": 403, "refused": true}
    invalid_ttl_token_request:
      description: A token request with a lifetime of 21601 seconds. The documented status is 400.
      returned: when the service can be reached
      type: dict
      sample: {"status": 400, "refused": true}
    invalid_token_read:
      description: A request with a token that was never issued. The documented status is 401.
      returned: when the service can be reached
      type: dict
      sample: {"status": 401, "refused": true}
endpoints:
  description: C(verdict), C(checks) and C(problems) of each address of the service, by its URL.
  returned: success
  type: dict
  sample:
    http://100.100.100.200: {"verdict": "required", "checks": {}, "problems": []}
    http://[fd00:100::100:200]: {"verdict": "unreachable", "checks": {}, "problems": ["... Network is unreachable ..."]}
users:
  description:
    - C(verdict), C(checks), C(problems) and C(endpoints) for each of O(users), O(allowed_users) and O(refused_users), by name.
    - The verdict is C(unknown) if the process of a user did not return a result in time, for example because another process of that
      user stopped it. RV(unmet) then has a sentence about it.
    - Empty if the verdict is not in O(expect).
  returned: success
  type: dict
  sample: {"nobody": {"verdict": "unreachable", "checks": {}, "problems": ["GET ... Connection refused ..."]}}
is_ecs:
  description: Whether the firmware of the host (DMI) identifies it as an ECS instance.
  returned: success
  type: bool
  version_added: 1.0.0
instance:
  description: The IDs of the instance and its region, or null if they cannot be read.
  returned: with O(identity=true)
  type: dict
  sample: {"instance_id": "i-bp1d6tsvznfghy7y0000", "region_id": "cn-hangzhou"}
signed_identity:
  description:
    - The instance identity document with its signature (PKCS#7 in Base64), or null if the service does not return one.
    - It identifies the instance to others that accept this audience.
  returned: with O(audience)
  type: str
cloud_init:
  description:
    - The state of cloud-init on the host, with the keys C(installed), C(enabled), C(version), C(found) and C(problem).
    - C(found) is true if cloud-init found its data source, and null if that is unknown, because it is not enabled or failed.
    - Null if the verdict is not in O(expect).
  returned: with O(cloud_init=true)
  type: dict
  sample: {"installed": true, "enabled": true, "version": "25.1.4", "found": true, "problem": null}
unmet:
  description: A sentence for each condition of the task that is not met.
  returned: success, and when the task fails because of one
  type: list
  elements: str
  sample: ["For user nobody the metadata service at http://100.100.100.200 is required; expected: unreachable."]
problems:
  description: Sentences about answers that differ from the documentation, or the reason why the service is unreachable.
  returned: success
  type: list
  elements: str
  sample: []
"""

import sys

if __name__ == "__main__":
    sys.modules.setdefault("ssl", None)  # http.client imports it if it can; the service has no TLS

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.alicloud.imds.plugins.module_utils._common import _python  # noqa: F401  # pylint: disable=unused-import

# isort: split
from ansible_collections.alicloud.imds.plugins.module_utils._host import _verify
from ansible_collections.alicloud.imds.plugins.module_utils._host._as_user import NoSuchUser
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _access_modes
from ansible_collections.alicloud.imds.plugins.module_utils._imds._dmi import read_platform
from ansible_collections.alicloud.imds.plugins.module_utils._imds._errors import Unreachable
from ansible_collections.alicloud.imds.plugins.module_utils._imds._options import argument_spec, make_client
from ansible_collections.alicloud.imds.plugins.module_utils._imds._presence import absence

NAMES = {"type": "list", "elements": "str", "default": []}


def desired_of(params):
    return _verify.Desired(
        expect=params["expect"] or (),
        wait=params["wait"],
        users=params["users"],
        allowed=params["allowed_users"],
        refused=params["refused_users"],
        cloud_init=params["cloud_init"],
    )


def verify(client, params):
    """Return the verification and the result of the module."""
    # Outside of Alibaba Cloud, waiting for all retries of each check would take many seconds.
    reason = None if params["wait"] else absence(client(), read_platform())
    if isinstance(reason, Unreachable) and not reason.connected:
        verification = _verify.absent(str(reason), desired_of(params))
    else:
        verification = _verify.verify(client, desired_of(params))
    result = dict(verification.modes._asdict(), users=verification.users, unmet=verification.unmet)
    result["is_ecs"] = read_platform().is_ecs
    if params["identity"]:
        result["instance"] = _verify.identity(client()) if reason is None else None
    if params["audience"]:
        result["signed_identity"] = _verify.signed_identity(client(), params["audience"]) if reason is None else None
    return verification, result


def main():
    module = AnsibleModule(
        argument_spec=argument_spec(
            users=NAMES,
            allowed_users=NAMES,
            refused_users=NAMES,
            expect={"type": "list", "elements": "str", "choices": list(_access_modes.VERDICTS)},
            wait={"type": "float", "default": 0.0},
            unmet={"type": "str", "choices": ["fail", "report"], "default": "fail"},
            identity={"type": "bool", "default": False},
            audience={"type": "str"},
            cloud_init={"type": "bool", "default": False},
        ),
        supports_check_mode=True,
    )
    params = module.params

    def client():
        return make_client(params.__getitem__)

    try:
        verification, result = verify(client, params)
    except (NoSuchUser, ValueError) as exc:
        module.fail_json(msg=str(exc))
    except OSError as exc:
        module.fail_json(msg="Cannot probe as another user: %s. Set 'become: true', or remove 'users'." % exc)
    if params["cloud_init"]:
        result["cloud_init"] = verification.cloud_init
    if verification.unmet:
        result["msg"] = " ".join(verification.unmet)
        if params["unmet"] == "fail":
            module.fail_json(**result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
