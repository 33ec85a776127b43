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
  - alicloud.imds._openapi.selection
  - alicloud.imds._attributes
  - alicloud.imds._attributes.action_group
notes:
  - Needs the RAM action C(ecs:DescribeInstances), for O(regions=all) also C(ecs:DescribeRegions), and for O(image_support) also
    C(ecs:DescribeImages).
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
  returned: success, and if O(fail_on) fails the task
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
missing:
  description: Why instances were not found, by instance ID.
  returned: with O(missing=report) and O(instance_ids)
  type: dict
  version_added: 1.0.0
totals:
  description: Number of instances by verdict.
  returned: success, and if O(fail_on) fails the task
  type: dict
  sample: {"compliant": 40, "optional": 2, "endpoint_disabled": 0, "exempt": 1, "unknown": 0}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.alicloud.imds.plugins.module_utils._fleet import _report
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._options import selection, selection_spec
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._select import (
    ALL_REGIONS,
    find,
    find_each,
    image_support,
)
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._verdict import COMPLIANT, VERDICTS
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._module import open_api
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._options import argument_spec

FAILING = [verdict for verdict in VERDICTS if verdict != COMPLIANT]


def run(module: AnsibleModule) -> "dict[str, t.Any]":
    params = module.params
    chosen = selection(params)
    api = open_api(module, missing_required_lib)
    each = params["missing"] == "report" and chosen.instance_ids and ALL_REGIONS not in chosen.regions
    if each:
        instances, missing = find_each(api, chosen, params["max_concurrency"])
    else:
        instances, missing = find(api, chosen, params["max_concurrency"]), {}
    support = image_support(api, instances) if params["image_support"] else None
    result = _report.judged(instances, params["exempt"], support)
    return {**result, "missing": missing} if each else result


def main() -> None:
    module = AnsibleModule(
        argument_spec=argument_spec(
            **selection_spec(regions_required=True),
            exempt={"type": "dict", "default": {}},
            image_support={"type": "bool", "default": False},
            missing={"type": "str", "choices": ["fail", "report"], "default": "fail"},
            fail_on={"type": "list", "elements": "str", "choices": FAILING, "default": []},
        ),
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except (ApiError, ValueError) as exc:
        module.fail_json(msg=str(exc))
    failing = {verdict: result["totals"][verdict] for verdict in module.params["fail_on"] if result["totals"][verdict]}
    if failing:
        counted = ", ".join("%d %s" % (number, verdict) for verdict, number in failing.items())
        module.fail_json(
            msg="Found instances with a verdict in 'fail_on': %s. See 'instances' in the result." % counted, **result
        )
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
