#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: metadata_options
short_description: Make ECS instances insist on metadata tokens, or undo it
version_added: 0.1.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Sets the metadata options (C(HttpTokens), C(HttpEndpoint), C(InstanceMetadataTags)) of instances through the ECS API.
  - An option that is left out keeps its present value. A disabled endpoint is never enabled unless O(http_endpoint=enabled) says so.
  - Only instances that need a change are changed, one API call each. A failure of one does not stop the others; the task fails
    afterwards, and returns what became of each.
options:
  state:
    description:
      - V(present) brings the options to what is given. V(restored) brings the instances in O(record) back to what is recorded
        there, and drops their entries from it. A record that is not there is an error; an empty one changes nothing.
    type: str
    choices: [present, restored]
    default: present
  http_tokens:
    description:
      - V(required) gives metadata for tokens only, V(optional) also without.
    type: str
    choices: [required, optional]
  http_endpoint:
    description:
      - Whether the metadata service answers at all.
    type: str
    choices: [enabled, disabled]
  instance_metadata_tags:
    description:
      - Whether the tags of an instance are part of its metadata.
    type: str
    choices: [enabled, disabled]
  regions:
    description:
      - IDs of the regions to look in, or V(all). Not needed to restore, as the record has them.
    required: false
  all_instances:
    description:
      - Confirms that all instances in O(regions) are meant. Without it, O(instance_ids), O(tags), O(name) or O(vpc_id) must be given.
    type: bool
    default: false
  allow_windows:
    description:
      - Make tokens mandatory for Windows instances, too. Windows does not support that.
    type: bool
    default: false
  allow_ack_nodes:
    description:
      - Make tokens mandatory for nodes of ACK clusters, too. Their options belong to their node pool.
    type: bool
    default: false
  refused:
    description:
      - What to do when some instances may not be changed (Windows, ACK nodes, unknown options). V(fail) changes nothing at all,
        V(report) changes the others, and returns why these were not.
    type: str
    choices: [fail, report]
    default: fail
  record:
    description:
      - File, on the host that the task runs on, for what the options were before, for O(state=restored). An entry that is there
        already stays as it is, until it is restored. The file is made with mode 0600.
      - A directory, where there is one, or with O(record_names) or O(record_only). It has a file for each instance.
    type: path
  record_names:
    description:
      - Names for the files of instances in the directory O(record), by instance ID. C(.json) is added. The default is the ID.
    type: dict
    version_added: 0.2.0
  record_only:
    description:
      - Names, without C(.json), of the only files in the directory O(record) that O(state=restored) is to look at.
    type: list
    elements: str
    version_added: 0.2.0
  wait:
    description:
      - Read the options back until the changes show.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds to wait for that.
    type: float
    default: 60.0
extends_documentation_fragment:
  - alicloud.imds._openapi
  - alicloud.imds._openapi.selection
  - alicloud.imds._attributes
  - alicloud.imds._attributes.action_group
attributes:
  check_mode:
    description: Can run in C(check_mode) and says what would change.
  diff_mode:
    support: full
    description: Returns the options of changed instances, before and after.
notes:
  - Needs the RAM actions C(ecs:DescribeInstances) and C(ecs:ModifyInstanceMetadataOptions).
  - Before making tokens mandatory, find out what on the instances still reads without. cloud-init before 23.2.2 does not start.
seealso:
  - module: alicloud.imds.metadata_options_info
  - module: alicloud.imds.access_modes_info
"""

EXAMPLES = r"""
- name: Make the web servers insist on tokens, and remember what they did before
  alicloud.imds.metadata_options:
    regions: [cn-hangzhou]
    tags:
      app: web
    http_tokens: required
    record: "{{ playbook_dir }}/web.json"

- name: Undo it
  alicloud.imds.metadata_options:
    state: restored
    record: "{{ playbook_dir }}/web.json"

- name: Put tags into the metadata of one instance, and leave everything else as it is
  alicloud.imds.metadata_options:
    region: cn-hangzhou
    instance_id: i-bp1d6tsvznfghy7y0000
    instance_metadata_tags: enabled
"""

RETURN = r"""
instances:
  description: One item per chosen instance, by region and ID.
  returned: success, and when some instances failed
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
    before:
      description: The options that were there, null if the API did not return them.
      type: dict
      returned: always
      sample: {"http_endpoint": "enabled", "http_tokens": "optional", "instance_metadata_tags": "disabled"}
    after:
      description: The options that are there now, or in check mode would be.
      type: dict
      returned: always
      sample: {"http_endpoint": "enabled", "http_tokens": "required", "instance_metadata_tags": "disabled"}
    changed:
      description: Whether this instance was changed, or in check mode would be.
      type: bool
      returned: always
    sent:
      description: Whether a change was sent to the API, or in check mode would be, also where it failed.
      type: bool
      returned: always
    record_name:
      description: Name of its file in a record that is a directory; else null.
      type: str
      returned: always
    error:
      description: Why it was not changed although it should be, or why the change does not show; else null.
      type: str
      returned: always
totals:
  description: How many instances were changed, unchanged, refused (Windows, ACK nodes, unknown options), and failed.
  returned: success, and when some instances failed
  type: dict
  sample: {"changed": 3, "unchanged": 7, "refused": 0, "failed": 0}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.alicloud.imds.plugins.module_utils._fleet import _operations, _report
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._instance import Options
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._options import selection, selection_spec
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._plan import Change, Permissions
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._record import RecordError, RecordStore, open_record
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._module import open_api
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._options import argument_spec


def make_plan(
    api: t.Any, params: dict[str, t.Any], record: RecordStore | None, execution: _operations.ExecutionOptions
) -> list[Change]:
    if params["state"] == "restored":
        return _operations.plan_restore(api, t.cast(RecordStore, record), params["instance_ids"])
    if not (params["all_instances"] or any(params[name] for name in ("instance_ids", "tags", "name", "vpc_id"))):
        raise ValueError(
            "Choose instances by 'instance_ids', 'tags', 'name' or 'vpc_id', or set 'all_instances: true'."
        )
    desired = Options(params["http_endpoint"], params["http_tokens"], params["instance_metadata_tags"])
    permissions = Permissions(params["allow_windows"], params["allow_ack_nodes"])
    return _operations.plan_desired(api, selection(params), desired, permissions, execution)


def run(module: AnsibleModule) -> tuple[str | None, dict[str, t.Any]]:
    params = module.params
    record = open_record(params["record"], params["record_names"], params["record_only"]) if params["record"] else None
    execution = _operations.ExecutionOptions(
        params["max_concurrency"], params["wait_timeout"] if params["wait"] else None
    )
    api = open_api(module, missing_required_lib)
    changes = make_plan(api, params, record, execution)
    planned = _report.planned(changes)
    refusals_fail = params["refused"] == "fail"
    names = record.names() if record else {}
    refusal = _report.problem(planned, tolerate_refusals=not refusals_fail)
    if refusal is not None:
        unchanged = [it._replace(changed=False) for it in planned]
        return refusal + " Nothing was changed.", _report.changed(unchanged, names)
    if module.check_mode:
        return None, _report.changed(planned, names)
    if params["state"] == "restored":
        outcomes = _operations.restore(api, changes, t.cast(RecordStore, record), execution)
    else:
        outcomes = _operations.apply(api, changes, record, execution)
        names = record.names() if record else {}
    return _report.problem(outcomes, tolerate_refusals=not refusals_fail), _report.changed(outcomes, names)


def main() -> None:
    choice = {"type": "str", "choices": ["enabled", "disabled"]}
    module = AnsibleModule(
        argument_spec=argument_spec(
            **selection_spec(regions_required=False),
            state={"type": "str", "choices": ["present", "restored"], "default": "present"},
            http_tokens={"type": "str", "choices": ["required", "optional"], "no_log": False},
            http_endpoint=choice,
            instance_metadata_tags=choice,
            all_instances={"type": "bool", "default": False},
            allow_windows={"type": "bool", "default": False},
            allow_ack_nodes={"type": "bool", "default": False},
            refused={"type": "str", "choices": ["fail", "report"], "default": "fail"},
            record={"type": "path"},
            record_names={"type": "dict"},
            record_only={"type": "list", "elements": "str"},
            wait={"type": "bool", "default": True},
            wait_timeout={"type": "float", "default": 60.0},
        ),
        required_by={"record_names": ["record"], "record_only": ["record"]},
        required_if=[
            ("state", "present", ["regions"]),
            ("state", "present", ["http_tokens", "http_endpoint", "instance_metadata_tags"], True),
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
