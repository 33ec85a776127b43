#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: launch_template_metadata_options
short_description: Set the metadata options of ECS launch templates, or restore their former default versions
version_added: 1.0.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Versions of launch templates cannot be changed. The module creates a new version that differs from the base version only in
    C(HttpTokens) and C(HttpEndpoint), reads it back, compares all fields, and makes it the default. Instances that are created from the
    default version then have these options. O(http_tokens=required) enforces security hardening mode (formerly security-enhanced mode,
    comparable to IMDSv2).
  - An option that is not set keeps the value of the base version. If the base version, or another version with otherwise the same fields,
    has the options already, no version is created.
  - If the new version differs in another field, or the base version has a field that this module does not know, the default stays as it is.
  - Tokens are not required if the image of the template has C(ImdsSupport) V(v1), because no instance could be created from it.
  - API calls to read - one C(DescribeLaunchTemplates) for each 50 launch templates of a region, one C(DescribeLaunchTemplateVersions) for
    each template and 50 versions, and one C(DescribeImages) for each 100 images of a region.
  - API calls to change - for each template one C(CreateLaunchTemplateVersion), one C(DescribeLaunchTemplateVersions) and one
    C(ModifyLaunchTemplateDefaultVersion). Retries come on top.
  - If the change of a template fails, the others continue. The task fails at the end; its message groups the templates by cause.
options:
  state:
    description:
      - V(present) sets the options that the task names. V(restored) makes the versions in O(record) the default again, and removes the
        restored templates from the record. The versions that were created are not deleted.
    type: str
    choices: [present, restored]
    default: present
  regions:
    description:
      - IDs of the regions with the launch templates, or V(all). Required for O(state=present); O(state=restored) uses the recorded regions.
      - If one of several regions cannot be read, nothing is changed.
    type: list
    elements: str
    aliases: [region]
  launch_template_ids:
    description:
      - Select only these launch templates. An ID that is in none of O(regions), or not in the record, is an error.
    type: list
    elements: str
    aliases: [launch_template_id]
  all_launch_templates:
    description:
      - Select all launch templates in O(regions). Without it, O(state=present) needs O(launch_template_ids).
    type: bool
    default: false
  base_version:
    description:
      - Number of the version to start from. The default is the default version of each template.
    type: int
  make_default:
    description:
      - Make the version with the options the default.
    type: bool
    default: true
  allow_windows:
    description:
      - Also require tokens if the image is a Windows image, although Windows does not support security hardening mode.
    type: bool
    default: false
  allow_unknown_image:
    description:
      - Also require tokens if it is unknown whether the image supports them.
    type: bool
    default: false
  record:
    description:
      - Directory of the records, which can be that of M(alicloud.imds.metadata_options). Before a change, the default version of a template
        is recorded there in C(launch_templates/ID.json) for O(state=restored). An entry of an earlier change stays until it is restored.
      - It is refused if it belongs to another user or others can write it, or if it contains links or other content.
      - Each change is appended to the log C(changes.jsonl) in the directory.
    type: path
extends_documentation_fragment:
  - alicloud.imds._openapi
  - alicloud.imds._openapi.metadata_options
  - alicloud.imds._attributes
  - alicloud.imds._attributes.action_group_api
attributes:
  check_mode:
    description: In C(check_mode), reads the templates and returns the changes, but neither sends them nor writes the record.
  diff_mode:
    support: full
    description: Returns the default version and the metadata options of the changed templates before and after the change.
notes:
  - Needs the RAM actions C(ecs:DescribeLaunchTemplates), C(ecs:DescribeLaunchTemplateVersions), C(ecs:DescribeImages),
    C(ecs:CreateLaunchTemplateVersion) and C(ecs:ModifyLaunchTemplateDefaultVersion), and C(ecs:DescribeRegions) for V(all) regions.
  - Has no effect on existing instances, and on scaling groups that use another version of the template.
seealso:
  - module: alicloud.imds.provisioning_info
    description: Reports launch templates that would create instances without security hardening mode.
  - module: alicloud.imds.metadata_options
    description: Sets the options of existing instances.
"""

EXAMPLES = r"""
- name: Require tokens for instances from a launch template, and record its default version
  alicloud.imds.launch_template_metadata_options:
    region: cn-hangzhou
    launch_template_id: lt-bp1apo0bbbkuy0rj0000
    http_tokens: required
    record: "{{ playbook_dir }}/records"

- name: Create versions for a review, without making them the default
  alicloud.imds.launch_template_metadata_options:
    regions: all
    all_launch_templates: true
    http_tokens: required
    make_default: false

- name: Restore the recorded default versions
  alicloud.imds.launch_template_metadata_options:
    state: restored
    record: "{{ playbook_dir }}/records"
"""

RETURN = r"""
launch_templates:
  description: One item for each selected launch template, sorted by region and ID. Templates with an C(error) come first.
  returned: success, and if some templates failed or were refused
  type: list
  elements: dict
  contains:
    launch_template_id:
      description: ID of the launch template.
      type: str
      returned: always
    region_id:
      description: Region ID.
      type: str
      returned: always
    name:
      description: Name of the launch template.
      type: str
      returned: always
    base_version:
      description: Number of the base version.
      type: int
      returned: always
    version:
      description: Number of the version with the options; null if none was created, and in check mode if it would be created.
      type: int
      returned: always
    creates_version:
      description: Whether the change needs a new version.
      type: bool
      returned: always
    before:
      description: Default version before the task, and options of the base version.
      type: dict
      returned: always
      sample: {"default_version": 1, "http_endpoint": "enabled", "http_tokens": "optional"}
    after:
      description: Default version after the task, and options of RV(launch_templates[].version). In check mode, a version that would be
        created has no number, so the default version is the present one.
      type: dict
      returned: always
      sample: {"default_version": 2, "http_endpoint": "enabled", "http_tokens": "required"}
    changed:
      description: Whether a version was created or the default was changed; in check mode, whether it would be.
      type: bool
      returned: always
    error:
      description: Why the template was not changed although it should be, else null.
      type: str
      returned: always
totals:
  description: Number of launch templates by result. Those that changed and failed, for example between both calls, are in both.
  returned: same as RV(launch_templates)
  type: dict
  sample: {"changed": 3, "unchanged": 7, "refused": 0, "failed": 0}
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.alicloud.imds.plugins.module_utils._common import _python  # noqa: F401  # pylint: disable=unused-import

# isort: split
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning import _task, _template_task
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning._record import (
    TemplateRecord,
    open_record,
)
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._record_file import RecordError
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._module import open_api
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._options import argument_spec


def run(module):
    """Return an error, or None, and the result."""
    params = module.params
    _template_task.check_options(params)
    record = open_record(TemplateRecord, params["record"], params["api_endpoint"])
    return _task.run(module, _template_task.steps(open_api(module, missing_required_lib), params, record))


def main():
    module = AnsibleModule(
        argument_spec=argument_spec(
            state={"type": "str", "choices": ["present", "restored"], "default": "present"},
            http_tokens={"type": "str", "choices": ["required", "optional"], "no_log": False},
            http_endpoint={"type": "str", "choices": ["enabled", "disabled"]},
            regions={"type": "list", "elements": "str", "aliases": ["region"]},
            launch_template_ids={"type": "list", "elements": "str", "aliases": ["launch_template_id"]},
            all_launch_templates={"type": "bool", "default": False},
            base_version={"type": "int"},
            make_default={"type": "bool", "default": True},
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
