#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: metadata_options_info
short_description: Read the metadata options of ECS instances, and whether they require tokens
version_added: 0.1.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Reads the metadata options (C(HttpEndpoint), C(HttpTokens), C(InstanceMetadataTags)) of the selected instances through the ECS API.
    Changes nothing. The verdict on an instance is V(compliant) if it requires tokens for its metadata (security hardening mode, formerly
    security-enhanced mode, comparable to IMDSv2).
  - Run it once for all instances, on a host that can reach the API, usually the controller.
  - If the API does not return the options of an instance, the verdict is V(unknown).
  - With V(all) regions, a region that cannot be listed (not permitted, or no response for 30 seconds) is a warning and an item of
    RV(failed_regions). The task fails if no region can be listed, or if O(fail_on) or O(expect_at_least) is set. If a region that
    O(regions) names cannot be listed, or a role of O(assume_role) cannot be assumed, the task fails, and its result has the instances of
    the others.
  - API calls - one C(DescribeInstances) for each 100 instances of a region, one more for a region without a matching instance, and one
    C(DescribeRegions) for V(all) regions. If O(tags) match 1000 or more instances of a region, all its instances are read again. With
    O(image_support), one C(DescribeImages) for each 100 images of a region. Retries come on top.
options:
  exempt:
    description:
      - Instances that are exempt, as a dictionary of instance IDs and reasons.
    type: dict
    default: {}
  image_support:
    description:
      - Also read whether the image of each instance declares support of tokens (C(ImdsSupport)).
    type: bool
    default: false
  missing:
    description:
      - How to handle O(instance_ids) that cannot be found, or whose region cannot be read. V(report) returns the others, and the reasons as
        RV(missing).
    type: str
    choices: [fail, report]
    default: fail
    version_added: 1.0.0
  fail_on:
    description:
      - Fail if an instance has one of these verdicts. The result of the task is complete nevertheless.
    type: list
    elements: str
    choices: [optional, endpoint_disabled, exempt, unknown]
    default: []
extends_documentation_fragment:
  - alicloud.imds._openapi
  - alicloud.imds._openapi.accounts
  - alicloud.imds._openapi.selection
  - alicloud.imds._openapi.empty_options
  - alicloud.imds._attributes
  - alicloud.imds._attributes.action_group_api
notes:
  - Needs the RAM action C(ecs:DescribeInstances), for O(regions=all) also C(ecs:DescribeRegions), for O(image_support) also
    C(ecs:DescribeImages), and for O(assume_role) also C(sts:AssumeRole).
  - Nodes of ACK clusters and Windows instances that do not require tokens are V(exempt), with a reason.
seealso:
  - module: alicloud.imds.metadata_options
  - module: alicloud.imds.access_modes_info
    description: Reports the access modes from inside the instance.
"""

EXAMPLES = r"""
- name: Read the options of all instances in all regions
  alicloud.imds.metadata_options_info:
    regions: all
  register: fleet

- name: Show how many instances require tokens
  ansible.builtin.debug:
    msg: "{{ fleet.totals.compliant }} of {{ fleet.instances | length }} instances require tokens."

- name: Fail a pipeline if a production instance permits normal mode
  alicloud.imds.metadata_options_info:
    regions: [cn-hangzhou, cn-shanghai]
    tags:
      stage: production
    fail_on: [optional]
"""

RETURN = r"""
instances:
  description: One item for each selected instance, sorted by region and ID.
  returned: success, if O(fail_on) fails the task, and if some of several regions cannot be listed
  type: list
  elements: dict
  contains:
    instance_id:
      description: Instance ID.
      type: str
      returned: always
    region_id:
      description: Region ID.
      type: str
      returned: always
    role_arn:
      description: ARN of the role that was assumed for the account, null for the account of the credentials.
      type: str
      returned: always
      version_added: 1.0.0
    name:
      description: Name of the instance.
      type: str
      returned: always
    os_type:
      description: V(linux) or V(windows).
      type: str
      returned: always
    status:
      description: Status, such as V(Running).
      type: str
      returned: always
    image_id:
      description: ID of the image.
      type: str
      returned: always
    image_imds_support:
      description: V(v1), V(v2), or null if the image does not declare it.
      type: str
      returned: with O(image_support)
    ack_cluster:
      description: ID of the ACK cluster of which the instance is a node, else null.
      type: str
      returned: always
    options:
      description: Metadata options, null if the API did not return them.
      type: dict
      returned: always
      sample: {"http_endpoint": "enabled", "http_tokens": "required", "instance_metadata_tags": "disabled"}
    verdict:
      description: V(compliant), V(optional), V(endpoint_disabled), V(exempt) or V(unknown).
      type: str
      returned: always
    reason:
      description: Reason for V(exempt) and V(unknown), else null.
      type: str
      returned: always
excluded:
  description: One item for each instance that O(exclude) matches. These instances are not in RV(instances) and RV(totals).
  returned: same as RV(instances)
  type: list
  elements: dict
  contains:
    instance_id:
      description: Instance ID.
      type: str
      returned: always
    region_id:
      description: Region ID.
      type: str
      returned: always
    role_arn:
      description: ARN of the role that was assumed for the account, null for the account of the credentials.
      type: str
      returned: always
    name:
      description: Name of the instance.
      type: str
      returned: always
    rule:
      description: Key and value of O(exclude) that match.
      type: str
      returned: always
      sample: "names: build-*"
  sample: []
  version_added: 1.0.0
missing:
  description: Why instances were not found, by instance ID.
  returned: with O(missing=report)
  type: dict
  version_added: 1.0.0
failed_regions:
  description: The regions and accounts that could not be listed. Their instances are not in RV(instances), and their number is unknown.
  returned: same as RV(instances)
  type: list
  elements: dict
  contains:
    region_id:
      description: Region ID, null if all regions of the account could not be listed.
      type: str
      returned: always
    role_arn:
      description: ARN of the role that was assumed for the account, null for the account of the credentials.
      type: str
      returned: always
      version_added: 1.0.0
    error:
      description: Why the region could not be listed.
      type: str
      returned: always
  sample: []
totals:
  description: Number of instances by verdict, without those of RV(failed_regions).
  returned: same as RV(instances)
  type: dict
  sample: {"compliant": 40, "optional": 2, "endpoint_disabled": 0, "exempt": 1, "unknown": 0}
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.alicloud.imds.plugins.module_utils._common import _python  # noqa: F401  # pylint: disable=unused-import

# isort: split
from ansible_collections.alicloud.imds.plugins.module_utils._fleet import _accounts, _exclude, _report
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._images import image_support
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._options import selection, selection_spec, too_few
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._select import (
    ALL_REGIONS,
    Found,
    find_each,
    survey,
)
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._verdict import COMPLIANT, VERDICTS, unwanted
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._module import open_apis
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._options import argument_spec

FAILING = [verdict for verdict in VERDICTS if verdict != COMPLIANT]


def read(apis, failures, params):
    """Return the instances and the places that cannot be listed, and with ``missing: report`` why IDs were not found."""
    chosen = selection(params)
    if params["missing"] == "report" and chosen.instance_ids and ALL_REGIONS not in chosen.regions:
        instances, missing = find_each(apis, chosen, params["max_concurrency"])
        return Found(instances, len(apis) * len(chosen.regions) + len(failures), failures), missing
    return survey(apis, chosen, params["max_concurrency"], failures), {}


def tolerates(params, found):
    """Return whether places that cannot be listed are only a warning."""
    checked = params["fail_on"] or params["expect_at_least"]
    accounts = [it for it in found.failures if it.region_id is None]
    return not (checked or accounts or ALL_REGIONS not in params["regions"] or len(found.failures) == found.places)


def run(module):
    """Return an error, or None, and the result."""
    params = module.params
    selection(params)
    exclude = _exclude.parse(params["exclude"])
    roles = _accounts.roles(params["assume_role"], params["own_account"])
    apis, failed = open_apis(module, missing_required_lib, roles)
    found, missing = read(apis, {_accounts.Place(arn, None): exc for arn, exc in failed.items()}, params)
    rules = [(it, exclude.rule(it)) for it in found.instances]
    instances = [it for it, rule in rules if rule is None]
    support, no_support = None, None
    if params["image_support"]:
        try:
            support = image_support(apis, instances)
        except ApiError as exc:
            support, no_support = {}, "Cannot read the images. %s" % exc
    result = _report.judged(instances, params["exempt"], support)
    if params["missing"] == "report":
        result["missing"] = missing
    result["excluded"] = [_report.excluded_row(it, rule) for it, rule in rules if rule is not None]
    result["failed_regions"] = [dict(place._asdict(), error=str(exc)) for place, exc in found.failures.items()]
    too_few_error, warning = too_few(params, len(instances))
    failing = unwanted(result["totals"], params["fail_on"], "instances")
    if failing is not None:
        return failing, result
    if found.problem is not None:
        if not tolerates(params, found):
            return found.problem, result
        module.warn(found.problem)
    elif warning is not None:
        module.warn(warning)
    return too_few_error or no_support, result


def main():
    module = AnsibleModule(
        argument_spec=argument_spec(
            selection_spec(regions_required=True),
            exempt={"type": "dict", "default": {}},
            image_support={"type": "bool", "default": False},
            missing={"type": "str", "choices": ["fail", "report"], "default": "fail"},
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
