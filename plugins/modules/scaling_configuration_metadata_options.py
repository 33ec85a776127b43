#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: scaling_configuration_metadata_options
short_description: Set the metadata options of Auto Scaling configurations, or restore recorded options
version_added: 1.0.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Sets C(HttpTokens) and C(HttpEndpoint) of scaling configurations in place, and no other field. Instances of later scale-outs then have
    these options. O(http_tokens=required) enforces security hardening mode (formerly security-enhanced mode, comparable to IMDSv2).
  - Active and inactive scaling configurations are changed, because an inactive one can become active. An option that is not set keeps its
    value.
  - At the end, all changed scaling configurations are read back until the options are visible. If another field differs then, the item has
    an error that names the field.
  - Tokens are not required if the image of the scaling configuration has C(ImdsSupport) V(v1), because no instance could be created
    from it.
  - API calls - one C(DescribeScalingConfigurations) for each 50 scaling configurations of a region, or each 10 IDs, before and after the
    changes, one C(DescribeImages) for each 100 images of a region if tokens are required, and one C(ModifyScalingConfiguration) for each
    change. Retries come on top.
  - If the change of a scaling configuration fails, the others continue. The task fails at the end; its message groups the scaling
    configurations by cause.
options:
  state:
    description:
      - V(present) sets the options that the task names. V(restored) sets the options in O(record), and removes the restored scaling
        configurations from the record. Options that were never set are restored as their defaults, endpoint enabled and tokens optional.
    type: str
    choices: [present, restored]
    default: present
  regions:
    description:
      - IDs of the regions with the scaling configurations, or V(all). Required for O(state=present); O(state=restored) uses the recorded
        regions.
      - If one of several regions cannot be read, nothing is changed.
    type: list
    elements: str
    aliases: [region]
  scaling_configuration_ids:
    description:
      - Select only these scaling configurations. An ID that is in none of O(regions), or not in the record, is an error.
    type: list
    elements: str
    aliases: [scaling_configuration_id]
  all_scaling_configurations:
    description:
      - Select all scaling configurations in O(regions). Without it, O(state=present) needs O(scaling_configuration_ids).
    type: bool
    default: false
  allow_windows:
    description:
      - Also require tokens if the image is a Windows image, although Windows does not support security hardening mode.
    type: bool
    default: false
  allow_unknown_image:
    description:
      - Also require tokens if it is unknown whether the image supports them, for example because the scaling configuration has an image
        family instead of an image ID.
    type: bool
    default: false
  record:
    description:
      - Directory of the records, which can be that of M(alicloud.imds.metadata_options). Before a change, the options of a scaling
        configuration are recorded there in C(scaling_configurations/ID.json) for O(state=restored). An entry of an earlier change stays
        until it is restored.
      - It is refused if it belongs to another user or others can write it, or if it contains links or other content.
      - Each change is appended to the log C(changes.jsonl) in the directory.
    type: path
extends_documentation_fragment:
  - alicloud.imds._openapi
  - alicloud.imds._openapi.ess
  - alicloud.imds._openapi.metadata_options
  - alicloud.imds._attributes
  - alicloud.imds._attributes.action_group_api
attributes:
  check_mode:
    description: In C(check_mode), reads the scaling configurations and returns the changes, but neither sends them nor writes the record.
  diff_mode:
    support: full
    description: Returns the metadata options of the changed scaling configurations before and after the change.
notes:
  - Needs the RAM actions C(ess:DescribeScalingConfigurations) and C(ess:ModifyScalingConfiguration), C(ecs:DescribeImages) to require
    tokens, and C(ecs:DescribeRegions) for V(all) regions.
  - Has no effect on existing instances, and on scaling groups that use a launch template.
seealso:
  - module: alicloud.imds.provisioning_info
    description: Reports scaling configurations that would create instances without security hardening mode.
  - module: alicloud.imds.launch_template_metadata_options
    description: Sets the options of launch templates, which scaling groups can use instead.
  - module: alicloud.imds.image_imds_support
    description: Sets C(ImdsSupport) of custom images to V(v2).
  - module: alicloud.imds.metadata_options
    description: Sets the options of existing instances.
"""

EXAMPLES = r"""
- name: Require tokens for instances of a scaling configuration, and record its options
  alicloud.imds.scaling_configuration_metadata_options:
    region: cn-hangzhou
    scaling_configuration_id: asc-bp1ffogfdauy0jw0000
    http_tokens: required
    record: "{{ playbook_dir }}/records"

- name: Require tokens in all scaling configurations
  alicloud.imds.scaling_configuration_metadata_options:
    regions: all
    all_scaling_configurations: true
    http_tokens: required
    record: "{{ playbook_dir }}/records"

- name: Restore the recorded options
  alicloud.imds.scaling_configuration_metadata_options:
    state: restored
    record: "{{ playbook_dir }}/records"
"""

RETURN = r"""
scaling_configurations:
  description: One item for each selected scaling configuration, sorted by region and ID. Items with an C(error) come first.
  returned: success, and if some scaling configurations failed or were refused
  type: list
  elements: dict
  contains:
    scaling_configuration_id:
      description: ID of the scaling configuration.
      type: str
      returned: always
    region_id:
      description: Region ID.
      type: str
      returned: always
    name:
      description: Name of the scaling configuration.
      type: str
      returned: if the scaling configuration exists
    scaling_group_id:
      description: ID of its scaling group.
      type: str
      returned: if the scaling configuration exists
    active:
      description: Whether the scaling group uses it for scale-outs; null if it is unknown.
      type: bool
      returned: if the scaling configuration exists
    before:
      description: Options before the task.
      type: dict
      returned: always
      sample: {"http_endpoint": "enabled", "http_tokens": "optional"}
    after:
      description: Options after the task; in check mode, after the change that would be made.
      type: dict
      returned: always
      sample: {"http_endpoint": "enabled", "http_tokens": "required"}
    changed:
      description: Whether the options were changed; in check mode, whether they would be.
      type: bool
      returned: always
    error:
      description: Why the scaling configuration was not changed although it should be, or what to check after the change, else null.
      type: str
      returned: always
totals:
  description: Number of scaling configurations by result. Those that changed and have an error are in both.
  returned: same as RV(scaling_configurations)
  type: dict
  sample: {"changed": 3, "unchanged": 7, "refused": 0, "failed": 0}
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.alicloud.imds.plugins.module_utils._common import _python  # noqa: F401  # pylint: disable=unused-import

# isort: split
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning import (
    _configuration_operations,
    _task,
)
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning._record import (
    ConfigurationRecord,
    open_record,
)
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._record_file import RecordError
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._module import open_api
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._options import argument_spec
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._scaling import (
    ESS_OPTION,
    AutoScaling,
    endpoint_of,
)


def run(module):
    """Return an error, or None, and the result."""
    params = module.params
    _configuration_operations.check_options(params)
    endpoint = endpoint_of(params)
    record = open_record(ConfigurationRecord, params["record"], endpoint)
    api = open_api(module, missing_required_lib)
    return _task.run(module, _configuration_operations.steps(api, AutoScaling(api, endpoint), params, record))


def main():
    module = AnsibleModule(
        argument_spec=argument_spec(
            ESS_OPTION,
            state={"type": "str", "choices": ["present", "restored"], "default": "present"},
            http_tokens={"type": "str", "choices": ["required", "optional"], "no_log": False},
            http_endpoint={"type": "str", "choices": ["enabled", "disabled"]},
            regions={"type": "list", "elements": "str", "aliases": ["region"]},
            scaling_configuration_ids={"type": "list", "elements": "str", "aliases": ["scaling_configuration_id"]},
            all_scaling_configurations={"type": "bool", "default": False},
            allow_windows={"type": "bool", "default": False},
            allow_unknown_image={"type": "bool", "default": False},
            record={"type": "path"},
        ),
        required_if=[
            ("state", "present", ["regions"]),
            ("state", "present", ["http_tokens", "http_endpoint"], True),
            ("state", "restored", ["record"]),
        ],
        supports_check_mode=True,
    )
    try:
        problem, result = run(module)
    except (ApiError, RecordError, ValueError) as exc:
        module.fail_json(msg=str(exc))
    if problem is not None:
        module.fail_json(msg=problem, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
