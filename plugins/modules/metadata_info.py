#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: metadata_info
short_description: Read chosen items of the ECS instance metadata of managed nodes with a token
version_added: 0.1.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Reads chosen metadata items of the ECS instance that it runs on, and returns the values as text. One line break at the end of an
    item below C(meta-data/) is not part of the value; user data and other documents are returned unchanged.
  - Reads in security hardening mode only (formerly "security-enhanced mode", comparable to IMDSv2).
  - To get typed values, or all items at once, use M(alicloud.imds.metadata_facts).
options:
  paths:
    description:
      - Paths of metadata items.
      - Most paths, such as V(instance-id), are relative to C(/latest/meta-data/). Paths such as V(user-data),
        V(dynamic/instance-identity/document) and V(maintenance/active-system-events) are relative to C(/latest/). Paths that
        begin with V(/latest/) or V(/2016-01-01/) are absolute.
      - The value of a directory is the listing, with one name per line. A slash at the end of its path is optional.
    type: list
    elements: str
    required: true
  missing:
    description:
      - How to handle an item that does not exist.
      - V(error) fails. V(null) returns null as the value. V(skip) omits the item from RV(metadata).
    type: str
    choices: [error, "null", skip]
    default: error
extends_documentation_fragment:
  - alicloud.imds._imds
  - alicloud.imds._imds.encoding
  - alicloud.imds._attributes
  - alicloud.imds._attributes.action_group
notes:
  - C(ram/security-credentials/ROLE), C(user-data), C(vendor-data), C(meta-data/all) and the signature of the identity document
    are secrets. The module warns if a task reads them without C(no_log).
seealso:
  - module: alicloud.imds.metadata_facts
  - plugin: alicloud.imds.metadata
    plugin_type: lookup
    description: Read items of the controller.
"""

EXAMPLES = r"""
- name: Read the ID and the type of the instance
  alicloud.imds.metadata_info:
    paths:
      - instance-id
      - instance/instance-type
  register: this

- name: Show the instance type
  ansible.builtin.debug:
    msg: "The type is {{ this.metadata['instance/instance-type'] }}."

- name: Fail if the release of the spot instance is announced
  alicloud.imds.metadata_info:
    paths: [instance/spot/termination-time]
    missing: "null"
  register: spot
  failed_when: spot.metadata['instance/spot/termination-time'] is not none

- name: Read user data
  alicloud.imds.metadata_info:
    paths: [user-data]
    missing: "null"
  register: boot
  no_log: true
"""

RETURN = r"""
metadata:
  description: The value of each path in O(paths). With O(missing=null), the value of an item that does not exist is null.
  returned: success
  type: dict
  sample: {"instance-id": "i-bp1d6tsvznfghy7y0000", "instance/spot/termination-time": null}
missing_paths:
  description: The paths in O(paths) whose items do not exist.
  returned: success
  type: list
  elements: str
  sample: [instance/spot/termination-time]
"""

import sys

if __name__ == "__main__":
    sys.modules.setdefault("ssl", None)  # http.client imports it if it can; the service has no TLS

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.alicloud.imds.plugins.module_utils._common import _python  # noqa: F401  # pylint: disable=unused-import

# isort: split
from ansible_collections.alicloud.imds.plugins.module_utils._imds._dmi import read_platform
from ansible_collections.alicloud.imds.plugins.module_utils._imds._errors import MetadataError
from ansible_collections.alicloud.imds.plugins.module_utils._imds._items import (
    is_secret_path,
    not_found,
    read_paths,
    to_text,
)
from ansible_collections.alicloud.imds.plugins.module_utils._imds._options import argument_spec, make_client
from ansible_collections.alicloud.imds.plugins.module_utils._imds._presence import check
from ansible_collections.alicloud.imds.plugins.module_utils._imds._tree import resolve


def run(module):
    paths = module.params["paths"]
    if not paths:
        raise ValueError(
            "'paths' is empty. Name an item such as 'instance-id', or 'meta-data/' for the list of all items."
        )
    for path in paths:
        resolve(path)  # to report an invalid path before any request
    missing = module.params["missing"]
    client = make_client(module.params.__getitem__)
    check(client, read_platform())
    answers = dict(zip(paths, read_paths(client, paths)))
    missing_paths = [path for path, body in answers.items() if body is None]
    if missing_paths and missing == "error":
        raise not_found(client, missing_paths[0])
    secrets = [path for path in paths if is_secret_path(path)]
    if secrets and not module.no_log:
        module.warn("The result contains secrets (%s). Set 'no_log: true' on this task." % ", ".join(secrets))
    metadata = {
        path: None if body is None else to_text(path, body, module.params["encoding"])
        for path, body in answers.items()
        if body is not None or missing == "null"
    }
    return {"metadata": metadata, "missing_paths": missing_paths}


def main():
    module = AnsibleModule(
        argument_spec=argument_spec(
            paths={"type": "list", "elements": "str", "required": True},
            missing={"type": "str", "choices": ["error", "null", "skip"], "default": "error"},
            encoding={"type": "str", "choices": ["text", "base64"], "default": "text"},
        ),
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except (MetadataError, ValueError) as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
