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
    whether that is answered, and throws the value away. In a log of normal mode accesses it shows up as one access.
options: {}
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

- name: Insist on tokens
  ansible.builtin.assert:
    that: modes.verdict in ['required', 'disabled']
    fail_msg: "Metadata of this instance can be read without a token ({{ modes.verdict }})."
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
problems:
  description: Sentences on what the service did otherwise than documented, or why it is unreachable.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.alicloud.imds.plugins.module_utils._modes import probe
from ansible_collections.alicloud.imds.plugins.module_utils._options import argument_spec, make_client


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    try:
        client = make_client(module.params.__getitem__)
    except ValueError as exc:
        module.fail_json(msg=str(exc))
    modes = probe(client)
    module.exit_json(changed=False, verdict=modes.verdict, checks=modes.checks, problems=modes.problems)


if __name__ == "__main__":
    main()
