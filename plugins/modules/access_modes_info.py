#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: access_modes_info
short_description: Which access modes the ECS metadata service offers to managed nodes
version_added: 0.1.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Finds out from inside an ECS instance whether its metadata can be read without a token, and whether the service keeps the
    rules of the security-enhanced mode.
  - This is the only plugin of the collection that ever sends a request without a token. It asks for the instance ID, to see
    whether that is answered, and throws the value away. In a log of normal mode accesses it shows up as one access; the
    callers watch knows it by its name, and neither M(alicloud.imds.callers_info) nor the preflight holds it against the host.
options:
  users:
    description:
      - Users of the managed node to ask for as well, each in a process of its own with all groups of that user. Needs root.
    version_added: 0.2.0
    type: list
    elements: str
    default: []
  allowed_users:
    description:
      - Users to ask for as well, who must see what the user of this task sees. Otherwise the task fails.
    version_added: 0.2.0
    type: list
    elements: str
    default: []
  refused_users:
    description:
      - Users to ask for as well, who must not reach the service at all. Otherwise the task fails.
    version_added: 0.2.0
    type: list
    elements: str
    default: []
  identity:
    description:
      - Return which instance this is, too.
    version_added: 0.2.0
    type: bool
    default: false
  expect:
    description:
      - Verdicts that are wanted. Another one is asked about again for O(wait) seconds, and is a failure of the task then.
    version_added: 0.2.0
    type: list
    elements: str
    choices: [optional, required, disabled, unreachable]
  wait:
    description:
      - Seconds to wait for a verdict in O(expect). A change of the metadata options takes a while to arrive on the instance.
    version_added: 0.2.0
    type: float
    default: 0.0
  unmet:
    description:
      - What to do where something is not as O(expect), O(allowed_users), O(refused_users) or O(cloud_init) demand. V(fail) fails the
        task. V(report) only returns it.
    version_added: 0.3.0
    type: str
    choices: [fail, report]
    default: fail
  cloud_init:
    description:
      - Let cloud-init, where it is installed and enabled, look for its data source as it does at boot, without keeping anything.
      - On an instance whose cloud-init is too old for tokens, it finds none once they are required, and the next boot goes wrong.
        With O(expect), that is a failure of the task.
    version_added: 0.2.0
    type: bool
    default: false
extends_documentation_fragment:
  - alicloud.imds._imds
  - alicloud.imds._attributes
  - alicloud.imds._attributes.action_group
notes:
  - A service that cannot be reached is a result, not a failure of the task.
seealso:
  - name: Access instance metadata in security-enhanced mode only
    description: How the two modes differ, and how to switch.
    link: https://www.alibabacloud.com/help/en/ecs/user-guide/access-instance-metadata-using-hardened-only-mode
"""

EXAMPLES = r"""
- name: Look at the access modes
  alicloud.imds.access_modes_info:
  register: modes

- name: Insist on tokens, also for a user without privileges
  alicloud.imds.access_modes_info:
    expect: [required, disabled]
    users: [nobody]
"""

RETURN = r"""
verdict:
  description:
    - V(optional) if a request without a token is answered, V(required) if only requests with a token are, V(disabled) if both are
      refused.
    - V(unreachable) if there is no answer, or none that tells; RV(problems) says why.
  returned: success
  type: str
  sample: required
checks:
  description:
    - What was asked and what came back. Empty if the service is unreachable.
    - C(status) is an HTTP status, or null if there was no answer.
  returned: success
  type: dict
  contains:
    plain_get:
      description: A read without a token; C(answered) tells whether it returned metadata.
      returned: when the service can be reached
      type: dict
      sample: {"status": 403, "answered": false}
    token_get:
      description: A read with a token.
      returned: when the service can be reached
      type: dict
      sample: {"status": 200, "answered": true}
    forwarded_token_request:
      description: A request for a token with the header C(X-Forwarded-For), which a proxy would add; to be refused with 403.
      returned: when the service can be reached
      type: dict
      sample: {"status": 403, "refused": true}
    bad_ttl_token_request:
      description: A request for a token with a lifetime of 21601 seconds; to be refused with 400.
      returned: when the service can be reached
      type: dict
      sample: {"status": 400, "refused": true}
    made_up_token_get:
      description: A read with a token that was never issued; to be refused with 401.
      returned: when the service can be reached
      type: dict
      sample: {"status": 401, "refused": true}
users:
  description:
    - The same for each of O(users), O(allowed_users) and O(refused_users); C(verdict), C(checks) and C(problems) by name.
    - Empty where the verdict was none of O(expect).
  returned: success
  type: dict
  sample: {"nobody": {"verdict": "unreachable", "checks": {}, "problems": ["GET ... Connection refused ..."]}}
instance:
  description: Which instance this is; null where that cannot be read.
  returned: with O(identity=true)
  type: dict
  sample: {"instance_id": "i-bp1d6tsvznfghy7y0000", "region_id": "cn-hangzhou"}
cloud_init:
  description:
    - C(installed), C(enabled), C(version), C(found) and C(problem).
    - C(found) says whether it found its data source, and is null where it was not asked.
    - Null where the verdict was none of O(expect).
  returned: with O(cloud_init=true)
  type: dict
  sample: {"installed": true, "enabled": true, "version": "25.1.4", "found": true, "problem": null}
unmet:
  description: A sentence for each demand of the task that is not met.
  returned: success, and when the task fails for one
  type: list
  elements: str
  sample: ["For user nobody the metadata service should be unreachable, but it is required."]
problems:
  description: Sentences on what the service did otherwise than documented, or why it is unreachable.
  returned: success
  type: list
  elements: str
  sample: []
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.alicloud.imds.plugins.module_utils._host import _verify
from ansible_collections.alicloud.imds.plugins.module_utils._host._as_user import NoSuchUser
from ansible_collections.alicloud.imds.plugins.module_utils._imds import _access_modes
from ansible_collections.alicloud.imds.plugins.module_utils._imds._options import argument_spec, make_client

NAMES = {"type": "list", "elements": "str", "default": []}


def desired_of(params: dict[str, t.Any]) -> _verify.Desired:
    return _verify.Desired(
        expect=params["expect"] or (),
        wait=params["wait"],
        users=params["users"],
        allowed=params["allowed_users"],
        refused=params["refused_users"],
        cloud_init=params["cloud_init"],
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec=argument_spec(
            users=NAMES,
            allowed_users=NAMES,
            refused_users=NAMES,
            expect={"type": "list", "elements": "str", "choices": list(_access_modes.VERDICTS)},
            wait={"type": "float", "default": 0.0},
            unmet={"type": "str", "choices": ["fail", "report"], "default": "fail"},
            identity={"type": "bool", "default": False},
            cloud_init={"type": "bool", "default": False},
        ),
        supports_check_mode=True,
    )
    params = module.params

    def client() -> _access_modes.Client:
        return make_client(params.__getitem__)

    try:
        proof = _verify.prove(client, desired_of(params))
        result = {**proof.modes._asdict(), "users": proof.users, "unmet": proof.unmet}
        if params["identity"]:
            result["instance"] = _verify.identity(client())
    except (NoSuchUser, ValueError) as exc:
        module.fail_json(msg=str(exc))
    except OSError as exc:
        module.fail_json(msg="Asking as another user needs root: %s. Set 'become: true', or leave out 'users'." % exc)
    if params["cloud_init"]:
        result["cloud_init"] = proof.cloud_init
    if proof.unmet:
        result["msg"] = " ".join(proof.unmet)
        if params["unmet"] == "fail":
            module.fail_json(**result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
