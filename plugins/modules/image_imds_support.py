#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: image_imds_support
short_description: Set ImdsSupport of custom images to v2, which cannot be undone
version_added: 1.0.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - An image with C(ImdsSupport) V(v1) refuses to create instances that require tokens for their metadata (security hardening mode, formerly
    security-enhanced mode, comparable to IMDSv2). The module sets it to V(v2), which permits such instances.
  - The API cannot set V(v2) back to V(v1), so there is no record and no way to restore. A change needs O(confirm=true).
  - V(v2) only states that the software in the image supports tokens; it does not change the image. Check the image first. cloud-init
    must be 23.2.2 or later, or instances that require tokens do not start properly.
  - Only custom images of the account are changed. Other images with V(v1), and images whose C(ImdsSupport) the API does not return, are
    errors. At the end, all changed images are read back.
  - API calls - one C(DescribeImages) for each 100 images of a region, before and after the changes, and one C(ModifyImageAttribute) for
    each change. Retries come on top.
  - If the change of an image fails, the others continue. The task fails at the end; its message groups the images by cause.
options:
  regions:
    description:
      - IDs of the regions with the images, or V(all).
      - If one of several regions cannot be read, nothing is changed.
    type: list
    elements: str
    required: true
    aliases: [region]
  image_ids:
    description:
      - Select only these images. An ID that is in none of O(regions) is an error.
    type: list
    elements: str
    aliases: [image_id]
  all_images:
    description:
      - Select all custom images of the account in O(regions). Without it, O(image_ids) is required.
    type: bool
    default: false
  allow_windows:
    description:
      - Also change Windows images, although Windows does not support security hardening mode.
    type: bool
    default: false
  confirm:
    description:
      - Confirm that the software in the images supports tokens, and that the change cannot be undone. Without it, the task fails if
        an image needs a change, and nothing is sent. Not needed in check mode.
    type: bool
    default: false
  change_log:
    description:
      - Directory in which each change is appended to the log C(changes.jsonl). It can be the directory of the records of
        M(alicloud.imds.metadata_options).
      - It is refused if it belongs to another user or others can write it, and the log also if it is a link.
    type: path
extends_documentation_fragment:
  - alicloud.imds._openapi
  - alicloud.imds._attributes
  - alicloud.imds._attributes.action_group_api
attributes:
  check_mode:
    description: In C(check_mode), reads the images and returns the changes, but neither sends them nor writes the log.
  diff_mode:
    support: full
    description: Returns C(ImdsSupport) of the changed images before and after the change.
notes:
  - Needs the RAM actions C(ecs:DescribeImages) and C(ecs:ModifyImageAttribute), and C(ecs:DescribeRegions) for V(all) regions.
seealso:
  - module: alicloud.imds.provisioning_info
    description: Reports images that block security hardening mode.
  - module: alicloud.imds.launch_template_metadata_options
    description: Sets the options of launch templates.
  - module: alicloud.imds.scaling_configuration_metadata_options
    description: Sets the options of scaling configurations.
"""

EXAMPLES = r"""
- name: Show which custom images would change
  alicloud.imds.image_imds_support:
    regions: all
    all_images: true
  check_mode: true
  register: images

- name: Permit instances that require tokens, after cloud-init in the image was checked
  alicloud.imds.image_imds_support:
    region: cn-hangzhou
    image_id: m-bp1g7004ksh0oeuc0000
    confirm: true
"""

RETURN = r"""
images:
  description: One item for each selected image, sorted by region and ID. Images with an C(error) come first.
  returned: success, and if some images failed or were refused
  type: list
  elements: dict
  contains:
    image_id:
      description: ID of the image.
      type: str
      returned: always
    region_id:
      description: Region ID.
      type: str
      returned: always
    name:
      description: Name of the image.
      type: str
      returned: always
    os_type:
      description: Operating system that the API returns, such as V(linux); null if it returns none.
      type: str
      returned: always
    before:
      description: C(ImdsSupport) before the task; null if it is unknown.
      type: dict
      returned: always
      sample: {"imds_support": "v1"}
    after:
      description: C(ImdsSupport) after the task; in check mode, after the change that would be made.
      type: dict
      returned: always
      sample: {"imds_support": "v2"}
    changed:
      description: Whether C(ImdsSupport) was changed; in check mode, whether it would be.
      type: bool
      returned: always
    error:
      description: Why the image was not changed although it should be, else null.
      type: str
      returned: always
totals:
  description: Number of images by result.
  returned: same as RV(images)
  type: dict
  sample: {"changed": 1, "unchanged": 4, "refused": 0, "failed": 0}
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.alicloud.imds.plugins.module_utils._common import _python  # noqa: F401  # pylint: disable=unused-import

# isort: split
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._change_log import open_log
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._provisioning import _image_operations, _in_place
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._record_file import RecordError
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._module import open_api
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._options import argument_spec
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._templates import LaunchTemplates


def run(module):
    """Return an error, or None, and the result."""
    params = module.params
    _image_operations.check_options(params)
    log = open_log(params["change_log"], True, "present") if params["change_log"] else None
    api, workers = open_api(module, missing_required_lib), params["max_concurrency"]
    ids = params["image_ids"]
    changes = _image_operations.plan_images(api, params["regions"], ids, params["allow_windows"], workers)
    if not changes:
        module.warn("No images are selected. Check 'regions' (%s)." % ", ".join(params["regions"]))
    if module.check_mode:
        outcomes = _in_place.planned(changes)
        if not params["confirm"] and any(it.needed for it in changes):
            module.warn("Without check mode, this task would fail. %s." % _image_operations.CONFIRM)
    else:
        confirmed = changes if params["confirm"] else _image_operations.unconfirmed(changes)
        target = _image_operations.Images(LaunchTemplates(api))
        outcomes = _in_place.Apply(target, log=log, kind="image").all(confirmed, workers)
    if log is not None and log.problem is not None:
        module.warn(log.problem)
    return _in_place.problem_of(outcomes, "images"), _in_place.result_of(outcomes, "images", "image_id")


def main():
    module = AnsibleModule(
        argument_spec=argument_spec(
            regions={"type": "list", "elements": "str", "required": True, "aliases": ["region"]},
            image_ids={"type": "list", "elements": "str", "aliases": ["image_id"]},
            all_images={"type": "bool", "default": False},
            allow_windows={"type": "bool", "default": False},
            confirm={"type": "bool", "default": False},
            change_log={"type": "path"},
        ),
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
