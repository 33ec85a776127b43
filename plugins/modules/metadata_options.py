#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: metadata_options
short_description: Set the metadata options of ECS instances, or restore recorded ones
version_added: 0.1.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Reads the metadata options (C(HttpTokens), C(HttpEndpoint), C(InstanceMetadataTags)) of the selected instances through the ECS API, and
    changes those that differ from the options of the task. O(http_tokens=required) enforces security hardening mode (formerly
    security-enhanced mode, comparable to IMDSv2).
  - An option that is not set keeps its present value. A disabled endpoint is enabled only by O(http_endpoint=enabled).
  - API calls to read - one C(DescribeInstances) for each 100 instances of a region, one more for a region without a matching instance, and
    one C(DescribeRegions) for V(all) regions. If O(tags) match 1000 or more instances of a region, all its instances are read again.
  - API calls to change - one C(ModifyInstanceMetadataOptions) for each instance that needs a change. With O(wait), one
    C(DescribeInstances) for each 100 changed instances of a region, repeated until the changes are visible. Retries come on top.
  - If the change of an instance fails, the others continue. The task fails at the end; its message groups the instances by cause.
  - If a role of O(assume_role) cannot be assumed, nothing is changed.
  - While a task runs for more than ten seconds, a line every ten seconds has the number of changes, the rate and the remaining time.
options:
  state:
    description:
      - V(present) sets the options that the task names. V(restored) sets the instances in O(record) to their recorded options, and
        removes the restored instances from the record. A missing record file is an error; an empty record changes nothing. An instance
        that was recorded with a role needs a role of the same account in O(assume_role).
      - V(verified) removes the marks of O(record_unverified) from the record, or from its files in O(record_only). It makes no API call.
    type: str
    choices: [present, restored, verified]
    default: present
  instance_metadata_tags:
    description:
      - Whether the tags of an instance are part of its metadata.
    type: str
    choices: [enabled, disabled]
  regions:
    description:
      - IDs of the regions with the instances, or V(all). Required for O(state=present); O(state=restored) uses the recorded regions.
      - If one of several regions cannot be listed, nothing is changed.
    required: false
  all_instances:
    description:
      - Select all instances in O(regions). Without it, O(state=present) needs O(instance_ids), O(tags), O(name) or O(vpc_id).
    type: bool
    default: false
  allow_windows:
    description:
      - Also require tokens on Windows instances, although Windows does not support security hardening mode.
    type: bool
    default: false
  allow_ack_nodes:
    description:
      - Also require tokens on nodes of ACK clusters, although their options belong to the node pool.
    type: bool
    default: false
  refused:
    description:
      - What to do if a change is refused for some instances (Windows, ACK nodes, unknown options, O(private_addresses), a conflict in
        O(record)). V(fail) changes no instance and fails. V(report) changes the others and returns the reason for each refused
        instance.
      - With V(report), an instance of O(instance_ids) or of the record that cannot be found is a refusal as well, unless O(regions) is
        V(all).
    type: str
    choices: [fail, report]
    default: fail
  private_addresses:
    description:
      - Private addresses by instance ID, one or a list. The change of an instance is refused if the API returns none of its addresses.
      - Use it if the IDs come from the hosts themselves, so that a host cannot name the instance of another one.
    type: dict
    version_added: 1.0.0
  before:
    description:
      - RV(instances[].before) of an earlier task by instance ID. O(state=restored) restores only these instances, to these options instead
        of the recorded ones. They must be in the record, and stay in it if their recorded options are others.
    type: dict
    version_added: 1.0.0
  result_on_failure:
    description:
      - The instances in the result of a failed task. V(failed) returns at most 100 instances, those that failed or were refused;
        RV(omitted) is the number of the others. V(all) returns all instances, failed and refused ones first.
    type: str
    choices: [failed, all]
    default: failed
    version_added: 1.0.0
  record:
    description:
      - Path of the record on the host that runs the task. Before a change, the present options are recorded there for
        O(state=restored). An entry of an earlier change stays until it is restored. The file has the mode 0600.
      - The record is refused before the first API call if it belongs to another user, if others can write it, if it is a link or not a
        regular file, or if its content is unknown. Entries that were recorded through another O(api_endpoint) are not restored.
      - The record is a directory with a file for each instance if the path is a directory, or if O(record_names) or O(record_only) is set.
      - Each change is appended to the log C(changes.jsonl) in the directory, or C(PATH.changes.jsonl) beside the file. The guide
        L(Enforce security hardening mode on a fleet,https://github.com/alicloud-imds/alicloud.imds/blob/main/docs/docsite/rst/fleet.rst)
        lists the keys of its lines.
    type: path
  record_names:
    description:
      - Names of the files in the directory O(record) by instance ID, without C(.json). The default is the instance ID. The names must
        differ, also in file systems that ignore case.
    type: dict
    version_added: 0.2.0
  record_only:
    description:
      - Names of files, without C(.json). O(state=restored) restores only these files of the directory O(record).
    type: list
    elements: str
    version_added: 0.2.0
  record_earlier:
    description:
      - Files of earlier versions for the names in O(record_only), by name. Earlier versions of the role hardening named files differently.
      - Each is a dictionary with C(name), the name of the file without C(.json), and optionally C(instance_ids), the instances whose
        entries belong to the host. By default all entries in the file of an earlier version do.
    type: dict
    version_added: 1.0.0
  record_unverified:
    description:
      - Mark the changes in O(record) as unverified. Use O(state=verified) after their effect was verified on the hosts. Instances that keep
        the mark are those of an interrupted run; a warning has their names, and RV(instances[].unverified) is true for them.
    type: bool
    default: false
    version_added: 1.0.0
  dry_run:
    description:
      - Change nothing, and find all problems at once - the library C(requests), the credentials, whether the API returns the instances,
        refused changes, and a record that cannot be written. All problems are in one message; refused changes
        only with O(refused=fail). Without O(instance_ids) no API call is made.
      - C(ModifyInstanceMetadataOptions) has no dry run. To find a missing permission, it is called with values that do not exist, which
        the API refuses, once for each region of an account. The vendor does not document whether the permission is checked before the
        values. If it is not, the permission stays unknown until the first change. In check mode, this call is not made.
      - After a change that is refused for want of the permission, no other change is sent unless an earlier one succeeded.
    type: bool
    default: false
    version_added: 1.0.0
  wait:
    description:
      - Read the options back until the changes are visible. Fail if they are not after O(wait_timeout).
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds to wait until the changes are visible.
    type: float
    default: 60.0
extends_documentation_fragment:
  - alicloud.imds._openapi
  - alicloud.imds._openapi.accounts
  - alicloud.imds._openapi.selection
  - alicloud.imds._openapi.empty_options
  - alicloud.imds._openapi.metadata_options
  - alicloud.imds._attributes
  - alicloud.imds._attributes.action_group_api
attributes:
  check_mode:
    description: In C(check_mode), reads the instances and returns the changes, but neither sends them nor writes the record.
  diff_mode:
    support: full
    description: Returns the options of the changed instances before and after the change.
notes:
  - Needs the RAM actions C(ecs:DescribeInstances) and C(ecs:ModifyInstanceMetadataOptions), C(ecs:DescribeRegions) for V(all)
    regions, and C(sts:AssumeRole) for O(assume_role).
  - Run M(alicloud.imds.preflight_info) on the instances before you require tokens. For example, cloud-init before 23.2.2
    fails if tokens are required.
seealso:
  - module: alicloud.imds.metadata_options_info
    description: Reads the options and changes nothing.
  - module: alicloud.imds.access_modes_info
    description: Verifies the access from inside the instance.
"""

EXAMPLES = r"""
- name: Require tokens on the web servers, and record their present options
  alicloud.imds.metadata_options:
    regions: [cn-hangzhou]
    tags:
      app: web
    http_tokens: required
    record: "{{ playbook_dir }}/web.json"

- name: Restore the recorded options
  alicloud.imds.metadata_options:
    state: restored
    record: "{{ playbook_dir }}/web.json"

- name: Add the tags of an instance to its metadata, and change no other option
  alicloud.imds.metadata_options:
    region: cn-hangzhou
    instance_id: i-bp1d6tsvznfghy7y0000
    instance_metadata_tags: enabled

- name: Require tokens in two accounts, without build hosts and instances with the tag imds_exclude
  alicloud.imds.metadata_options:
    regions: all
    all_instances: true
    http_tokens: required
    exclude:
      names: ["build-*"]
      tags:
        imds_exclude:
    assume_role:
      - acs:ram::1234567890123456:role/harden
      - role_arn: acs:ram::6543210987654321:role/harden
        external_id: fleet
    record: "{{ playbook_dir }}/records"
"""

RETURN = r"""
instances:
  description:
    - One item for each selected instance, sorted by region and ID. Instances with an C(error) come first.
    - If the task fails, see O(result_on_failure).
  returned: success, and if some instances failed or were refused
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
    before:
      description: Options before the task, null if the API did not return them.
      type: dict
      returned: always
      sample: {"http_endpoint": "enabled", "http_tokens": "optional", "instance_metadata_tags": "disabled"}
    after:
      description: Options after the task; in check mode, the options that it would set.
      type: dict
      returned: always
      sample: {"http_endpoint": "enabled", "http_tokens": "required", "instance_metadata_tags": "disabled"}
    changed:
      description: Whether the instance was changed; in check mode, whether it would be.
      type: bool
      returned: always
    planned:
      description: Whether the instance needs a change and no refusal prevents it.
      type: bool
      returned: always
    sent:
      description: Whether a request was sent that may have reached the API, even if it failed.
      type: bool
      returned: always
    exemption:
      description: Why tokens cannot be required on the instance, if that is why it was refused; else null.
      type: str
      returned: always
      version_added: 1.0.0
    os_type:
      description: V(linux) or V(windows).
      type: str
      returned: always
      version_added: 1.0.0
    unverified:
      description: Whether the record has an earlier change of the instance that was not verified, see O(record_unverified).
      type: bool
      returned: always
    record_name:
      description: Name of the file of the instance, without C(.json), if the record is a directory; else null.
      type: str
      returned: always
    error:
      description: Why the instance was not changed although it should be, or that the change is not visible; else null.
      type: str
      returned: always
excluded:
  description:
    - One item for each instance that O(exclude) matches. These instances are not in RV(instances) and RV(totals), and are not changed.
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
      description: Name of the instance, empty with O(state=restored) and an ID in O(exclude), because the instance is not read.
      type: str
      returned: always
    rule:
      description: Key and value of O(exclude) that match.
      type: str
      returned: always
      sample: "names: build-*"
  sample: []
  version_added: 1.0.0
record_errors:
  description: Why files in O(record_only) were not restored, by name.
  returned: with O(record_only)
  type: dict
  version_added: 1.0.0
omitted:
  description: Number of instances that RV(instances) does not contain.
  returned: if the task fails and O(result_on_failure=failed)
  type: int
  sample: 9900
totals:
  description: Number of instances by result - changed, unchanged, refused (Windows, ACK nodes, unknown options), failed.
  returned: success, and if some instances failed or were refused
  type: dict
  sample: {"changed": 3, "unchanged": 7, "refused": 0, "failed": 0}
"""


from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.alicloud.imds.plugins.module_utils._common import _python  # noqa: F401  # pylint: disable=unused-import

# isort: split
from ansible_collections.alicloud.imds.plugins.module_utils._fleet import _accounts, _report
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._module import ERRORS, all_accounts, run
from ansible_collections.alicloud.imds.plugins.module_utils._fleet._options import selection_spec
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._module import open_apis
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._options import argument_spec
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._requests import IMPORT_ERROR


def spec():
    choice = {"type": "str", "choices": ["enabled", "disabled"]}
    return argument_spec(
        selection_spec(regions_required=False),
        state={"type": "str", "choices": ["present", "restored", "verified"], "default": "present"},
        http_tokens={"type": "str", "choices": ["required", "optional"], "no_log": False},
        http_endpoint=choice,
        instance_metadata_tags=choice,
        all_instances={"type": "bool", "default": False},
        allow_windows={"type": "bool", "default": False},
        allow_ack_nodes={"type": "bool", "default": False},
        refused={"type": "str", "choices": ["fail", "report"], "default": "fail"},
        result_on_failure={"type": "str", "choices": ["failed", "all"], "default": "failed"},
        record={"type": "path"},
        record_names={"type": "dict"},
        record_only={"type": "list", "elements": "str"},
        record_earlier={"type": "dict"},
        record_unverified={"type": "bool", "default": False},
        dry_run={"type": "bool", "default": False},
        private_addresses={"type": "dict"},
        before={"type": "dict"},
        wait={"type": "bool", "default": True},
        wait_timeout={"type": "float", "default": 60.0},
    )


def main():
    module = AnsibleModule(
        argument_spec=spec(),
        required_by={"record_names": ["record"], "record_only": ["record"], "record_earlier": ["record_only"]},
        required_if=[
            ("state", "present", ["regions"]),
            ("state", "present", ["http_tokens", "http_endpoint", "instance_metadata_tags"], True),
            ("state", "restored", ["record"]),
            ("state", "verified", ["record"]),
        ],
        supports_check_mode=True,
    )
    missing = missing_required_lib("requests") if IMPORT_ERROR is not None else None
    try:
        roles = _accounts.roles(module.params["assume_role"], module.params["own_account"])
        problem, done = run(module, lambda: all_accounts(open_apis(module, missing_required_lib, roles)), missing)
    except ERRORS as exc:
        module.fail_json(msg=str(exc))
    if problem is not None:
        shown = _report.abridged(done) if module.params["result_on_failure"] == "failed" else done
        module.fail_json(msg=problem, **shown)
    module.exit_json(**done)


if __name__ == "__main__":
    main()
