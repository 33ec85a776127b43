#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: provisioning_info
short_description: Report what would create instances without security hardening mode - launch templates, Auto Scaling, images
version_added: 1.0.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Reads through the API the default and the latest version of launch templates, active and inactive scaling configurations of Auto
    Scaling, scaling groups that use a launch template, and C(ImdsSupport) of the custom images of the account. Changes nothing.
  - The verdict on a version, a scaling configuration or a scaling group is V(compliant) if instances from it require tokens for their
    metadata (security hardening mode, formerly security-enhanced mode, comparable to IMDSv2), V(optional) if they also permit normal
    mode, V(endpoint_disabled) if the metadata service is disabled on them, and V(blocked_by_image) if tokens cannot be required because
    of the image.
  - The verdict on an image is V(compliant) if tokens can be required for instances from it, else V(blocked_by_image).
  - The verdict is V(unknown) if a version, an image or its C(ImdsSupport) cannot be read, or if a scaling configuration has an image
    name or family instead of an image ID.
  - With V(all) regions, a region that cannot be read (not permitted, or no response for 30 seconds) is a warning and an item of
    RV(failed_regions). The task fails if all regions have failed, or if O(fail_on) is set. If a region that O(regions) names cannot be
    read, the task fails. The result has the resources that could be read, also those of a region of which only a part could be read.
  - If the permission to read some of O(kinds) is missing in a region, for example because the credentials have no permission for Auto
    Scaling, the others are read. RV(resources) then has one item with the verdict V(unknown) for each such kind and region, whose
    RV(resources[].reason) names the missing RAM action. The task fails if O(fail_on) is set; to check other kinds only, set O(kinds).
  - API calls for each region - one C(DescribeLaunchTemplates) for each 50 launch templates, one C(DescribeLaunchTemplateVersions) for
    each template and 50 versions, one C(DescribeImages) for each 100 images of templates, of scaling configurations and each 100 custom
    images, and one more without any. One C(DescribeScalingConfigurations) for each 50 scaling configurations, and one
    C(DescribeScalingGroups) for each 50 scaling groups; their launch templates are read again. One C(DescribeRegions) for V(all)
    regions. Retries come on top.
options:
  regions:
    description:
      - IDs of the regions to read, or V(all).
    type: list
    elements: str
    required: true
    aliases: [region]
  kinds:
    description:
      - What to read. V(scaling_group) are the scaling groups that use a launch template; those with a scaling configuration are covered by
        V(scaling_configuration).
    type: list
    elements: str
    choices: [launch_template, image, scaling_configuration, scaling_group]
    default: [launch_template, image, scaling_configuration, scaling_group]
  launch_template_ids:
    description:
      - Of the launch templates, read only these.
    type: list
    elements: str
    aliases: [launch_template_id]
  verdicts:
    description:
      - Return only resources with these verdicts in RV(resources). By default, all are returned.
    type: list
    elements: str
    choices: [compliant, optional, endpoint_disabled, blocked_by_image, unknown]
  fail_on:
    description:
      - Fail if a resource has one of these verdicts, or if regions or kinds of resources could not be read. The result has everything
        that was read.
    type: list
    elements: str
    choices: [optional, endpoint_disabled, blocked_by_image, unknown]
    default: []
  max_concurrency:
    description:
      - Maximum number of concurrent regions, and of concurrent API calls in a region, V(1) to V(64).
extends_documentation_fragment:
  - alicloud.imds._openapi
  - alicloud.imds._openapi.ess
  - alicloud.imds._attributes
  - alicloud.imds._attributes.action_group_api
notes:
  - Needs the RAM actions C(ecs:DescribeLaunchTemplates), C(ecs:DescribeLaunchTemplateVersions) and C(ecs:DescribeImages), for
    V(scaling_configuration) and V(scaling_group) also C(ess:DescribeScalingConfigurations) and C(ess:DescribeScalingGroups), and for V(all)
    regions C(ecs:DescribeRegions).
  - Does not read node pools of ACK, which can also create instances.
seealso:
  - module: alicloud.imds.launch_template_metadata_options
  - module: alicloud.imds.scaling_configuration_metadata_options
  - module: alicloud.imds.image_imds_support
  - module: alicloud.imds.metadata_options_info
    description: Reads the metadata options of instances.
"""

EXAMPLES = r"""
- name: Fail if a resource of any region would create an instance without security hardening mode
  alicloud.imds.provisioning_info:
    regions: all
    fail_on: [optional, blocked_by_image, unknown]
  register: future

- name: Show the launch templates whose versions permit normal mode
  alicloud.imds.provisioning_info:
    regions: [cn-hangzhou]
    kinds: [launch_template]
    verdicts: [optional]
"""

RETURN = r"""
resources:
  description: One entry for the default and the latest version of each launch template, and for each other resource of O(kinds).
  returned: success, if O(fail_on) fails the task, and if some of several regions cannot be read
  type: list
  elements: dict
  contains:
    kind:
      description: V(launch_template), V(image), V(scaling_configuration) or V(scaling_group).
      type: str
      returned: always
    id:
      description: ID of the resource; null if the item stands for all resources of the kind in the region, because reading them is not
        permitted.
      type: str
      returned: always
    region_id:
      description: Region ID.
      type: str
      returned: always
    name:
      description: Name of the resource.
      type: str
      returned: always
    version:
      description: Number of the version of the launch template; null for other kinds, or if it is unknown.
      type: int
      returned: always
    default:
      description: Whether the version is the default; null if the resource is not a launch template.
      type: bool
      returned: always
    latest:
      description: Whether the version is the latest; null if the resource is not a launch template.
      type: bool
      returned: always
    active:
      description: For a scaling configuration, whether its scaling group uses it; for a scaling group, whether it is enabled. Else null.
      type: bool
      returned: always
    scaling_group_id:
      description: ID of the scaling group; null for other kinds than scaling groups and scaling configurations.
      type: str
      returned: always
    launch_template_id:
      description: ID of the launch template that a scaling group uses; null for other kinds.
      type: str
      returned: always
    image_id:
      description: ID of the image, null if the resource has none.
      type: str
      returned: always
    http_endpoint:
      description: V(enabled) or V(disabled) for instances that are created. Null for an image, or if it is unknown.
      type: str
      returned: always
    http_tokens:
      description: V(optional) or V(required) for instances that are created. Null for an image, or if it is unknown.
      type: str
      returned: always
    verdict:
      description: V(compliant), V(optional), V(endpoint_disabled), V(blocked_by_image) or V(unknown).
      type: str
      returned: always
    reason:
      description: Reason for the verdict, or null.
      type: str
      returned: always
failed_regions:
  description: The regions of which at least a part could not be read. The number of the missing resources is unknown.
  returned: same as RV(resources)
  type: list
  elements: dict
  sample: []
errors:
  description: Errors of single resources in regions that could be read, and of kinds that are not permitted. Their verdicts are V(unknown).
  returned: same as RV(resources)
  type: list
  elements: str
  sample: []
totals:
  description: Number of resources by verdict, also of those that O(verdicts) omits, without those that could not be read.
  returned: same as RV(resources)
  type: dict
  sample: {"compliant": 4, "optional": 2, "endpoint_disabled": 0, "blocked_by_image": 1, "unknown": 0}
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.alicloud.imds.plugins.module_utils._common import _python  # noqa: F401  # pylint: disable=unused-import

# isort: split
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning import _info, _operations, _report
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning._verdict import VERDICTS
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._verdict import COMPLIANT, unwanted
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._module import open_api
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._options import argument_spec
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._scaling import (
    ESS_OPTION,
    AutoScaling,
    endpoint_of,
)

FAILING = [verdict for verdict in VERDICTS if verdict != COMPLIANT]
KINDS = ["launch_template", "image", "scaling_configuration", "scaling_group"]


def run(module):
    """Return an error, or None, and the result."""
    params = module.params
    _operations.check_options(params)
    api = open_api(module, missing_required_lib)
    found = _info.read_all(api, AutoScaling(api, endpoint_of(params)), params)
    totals = _report.totals(found.items)
    shown = params["verdicts"] or VERDICTS
    unread = _info.unread_problem(found.unread)
    result = {
        "resources": [row for row in found.items if row["verdict"] in shown],
        "failed_regions": [{"region_id": name, "error": str(exc)} for name, exc in found.failures.items()],
        "errors": found.errors + ([unread] if unread is not None else []),
        "totals": totals,
    }
    failing = unwanted(totals, params["fail_on"], "resources")
    if params["fail_on"] and (failing is not None or unread is not None):
        return " ".join(filter(None, (failing, unread))), result
    problem = _operations.regions_problem(found.failures, found.regions)
    if problem is not None and not _operations.tolerates(params, found.failures, found.regions):
        return problem, result
    for warning in ([problem] if problem is not None else []) + result["errors"]:
        module.warn(warning)
    return None, result


def main():
    module = AnsibleModule(
        argument_spec=argument_spec(
            ESS_OPTION,
            regions={"type": "list", "elements": "str", "required": True, "aliases": ["region"]},
            kinds={"type": "list", "elements": "str", "choices": KINDS, "default": KINDS},
            launch_template_ids={"type": "list", "elements": "str", "aliases": ["launch_template_id"]},
            verdicts={"type": "list", "elements": "str", "choices": list(VERDICTS)},
            fail_on={"type": "list", "elements": "str", "choices": FAILING, "default": []},
        ),
        supports_check_mode=True,
    )
    try:
        problem, result = run(module)
    except (ApiError, ValueError) as exc:
        module.fail_json(msg=str(exc))
    if problem is not None:
        module.fail_json(msg=problem, **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
