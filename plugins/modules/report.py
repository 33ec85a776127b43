#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: One page on the metadata access of a whole fleet
version_added: 0.2.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Writes what other modules found out about each host into one self-contained HTML page, and the same as JSON, CSV and JUnit XML.
  - Compares with the report that is in the folder already, and says what changed since.
  - Adds the finding C(views_disagree) to hosts whose metadata service does otherwise than the ECS API says.
  - Asks nothing of hosts or of the API. Runs once, on the controller.
options:
  path:
    description:
      - Folder for C(report.html), C(report.json), C(hosts.csv), C(findings.csv) and C(junit.xml). Made if it is not there.
      - Each file is replaced as a whole. A C(report.json) that is no report of this module is an error.
    type: path
    required: true
  title:
    description:
      - What the page is about.
    type: str
    default: ECS metadata access
  mode:
    description:
      - Mode of the files. Findings and callers tell an attacker where to begin, so others may never read them.
      - A folder that is made gets V(0700) or V(0750).
    type: str
    choices: ['0600', '0640']
    default: '0600'
  hosts:
    description:
      - What is known of each host, one entry per host. Everything but the name may be left out.
      - Texts longer than 2,000 characters are cut.
    type: list
    elements: dict
    required: true
    suboptions:
      host:
        description: Name of the host, usually C(inventory_hostname). Reports are compared by it.
        type: str
        required: true
      instance_id:
        description: Instance ID.
        type: str
      region_id:
        description: Region ID.
        type: str
      name:
        description: Name of the instance.
        type: str
      control_plane:
        description: What the ECS API says, as M(alicloud.imds.metadata_options_info) returns it.
        type: dict
        suboptions:
          http_tokens:
            description: Whether tokens are mandatory.
            type: str
            choices: [optional, required]
          http_endpoint:
            description: Whether the metadata service answers at all.
            type: str
            choices: [enabled, disabled]
          instance_metadata_tags:
            description: Whether the tags of the instance are part of its metadata.
            type: str
            choices: [enabled, disabled]
          verdict:
            description: The verdict. An V(exempt) host that answers without a token is not counted as open.
            type: str
            choices: [compliant, optional, endpoint_disabled, exempt, unknown]
          reason:
            description: Why it is V(exempt) or V(unknown).
            type: str
      in_guest:
        description: What was seen on the host, as M(alicloud.imds.access_modes_info) returns it.
        type: dict
        suboptions:
          verdict:
            description: The verdict.
            type: str
            choices: [optional, required, disabled, unreachable]
            required: true
          problems:
            description: What the service does otherwise than documented, or why it is unreachable.
            type: list
            elements: str
      findings:
        description: What would break if tokens became mandatory. Left out or null, the host counts as not checked.
        type: list
        elements: dict
        suboptions:
          id:
            description: The kind of finding, the same on each host.
            type: str
            required: true
          severity:
            description: V(block) holds up the switch to tokens.
            type: str
            choices: [block, warn, info]
            required: true
          title:
            description: The finding in a few words, the same on each host.
            type: str
            required: true
          detail:
            description: What is special about this one.
            type: str
          evidence:
            description: What was found on this host, as text, or as the dict that M(alicloud.imds.preflight_info) returns.
            type: raw
          remedy:
            description: How to solve it.
            type: str
          waived:
            description: Somebody decided to go on regardless. Null if nobody did.
            type: dict
            suboptions:
              reason:
                description: Why.
                type: str
                required: true
              expires:
                description: The last day of the waiver, such as V(2030-01-31). Afterwards the finding counts again.
                type: str
                required: true
      callers:
        description: Who read metadata on the host. Left out or null, the host counts as not watched.
        type: list
        elements: dict
        suboptions:
          mode:
            description: How it was read. V(plain) is without a token; everything else is shown as it is.
            type: str
            required: true
          uid:
            description: User ID, shown where there is no O(hosts[].callers[].user).
            type: int
          user:
            description: Name of the user.
            type: str
          exe:
            description: Path of the program.
            type: str
          comm:
            description: What the program calls itself, shown where there is no O(hosts[].callers[].exe).
            type: str
          unit:
            description: Unit of systemd.
            type: str
          container:
            description: Container, shown instead of O(hosts[].callers[].unit).
            type: str
          source:
            description: Address that the host forwarded the requests from, shown where nothing else is known.
            type: str
          path_class:
            description: What kind of item was read.
            type: str
          count:
            description: How many requests were seen.
            type: int
          first_seen:
            description: When the first of them was seen, in ISO 8601 and UTC, such as V(2026-11-20T08:00:00Z).
            type: str
          last_seen:
            description: When the last of them was seen, likewise.
            type: str
          noise:
            description: Why a caller in plain mode is harmless, null if it is not. Such a caller is not counted.
            type: str
      fence:
        description: The firewall rules on the host.
        type: dict
        suboptions:
          mode:
            description: What they do.
            type: str
            choices: ['off', audit, enforce]
            required: true
          counters:
            description: Their counters, name and number.
            type: dict
      outcome:
        description: What a run that changes hosts did to this one.
        type: dict
        suboptions:
          result:
            description: How it ended.
            type: str
            choices: [changed, unchanged, failed, rolled_back, unreachable, skipped]
            required: true
          reason:
            description: Why.
            type: str
      batch:
        description: Batch of the run that the host was in.
        type: str
  unreachable:
    description: Names of hosts that could not be reached, or failed before they could be looked at.
    type: list
    elements: str
    default: []
  skipped:
    description: Names of hosts whose turn did not come.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - alicloud.imds._attributes
attributes:
  check_mode:
    description: Can run in C(check_mode) and says whether the report would change, and how.
  diff_mode:
    support: full
    description: Returns one line per host and finding, before and after.
notes:
  - A run that finds the same again only puts a new time into the files and is not C(changed).
  - A report on part of the fleet belongs into a folder of its own; otherwise the other hosts count as vanished.
seealso:
  - module: alicloud.imds.preflight_info
  - module: alicloud.imds.access_modes_info
  - module: alicloud.imds.metadata_options_info
"""

EXAMPLES = r"""
- name: One page on all hosts
  alicloud.imds.report:
    path: "{{ playbook_dir }}/report"
    hosts:
      - host: web1
        instance_id: i-bp1d6tsvznfghy7y0000
        region_id: cn-hangzhou
        control_plane:
          http_tokens: required
          http_endpoint: enabled
          verdict: compliant
        in_guest:
          verdict: required
        findings: []
      - host: web2
        region_id: cn-hangzhou
        in_guest:
          verdict: optional
        findings:
          - id: cloud_init_too_old
            severity: block
            title: cloud-init cannot read with tokens
            evidence: cloud-init 20.4.1 (/usr/bin/cloud-init)
            remedy: Upgrade to cloud-init 23.2.2 or later.
  delegate_to: localhost
  run_once: true
  register: report

- name: Say where it is
  ansible.builtin.debug:
    msg: "{{ report.totals.states.open }} open hosts, see {{ report.paths.html }}"
"""

RETURN = r"""
paths:
  description: The files. In check mode they may not be there.
  returned: success
  type: dict
  sample:
    html: /srv/report/report.html
    json: /srv/report/report.json
    hosts_csv: /srv/report/hosts.csv
    findings_csv: /srv/report/findings.csv
    junit: /srv/report/junit.xml
totals:
  description: What was counted, over all hosts.
  returned: success
  type: dict
  contains:
    hosts:
      description: Number of hosts.
      type: int
      returned: always
    states:
      description: How many hosts are in each state. V(open) ones answer without a token and are not V(exempt).
      type: dict
      returned: always
      sample: {"open": 37, "unknown": 3, "exempt": 12, "off": 8, "closed": 940}
    next:
      description: >-
        What the open hosts wait for - findings that block (V(held)), a check (V(unchecked)), programs that read without a token
        (V(called)), or nothing (V(ready)).
      type: dict
      returned: always
      sample: {"held": 25, "unchecked": 0, "called": 4, "ready": 8}
    findings:
      description: How many findings of each severity there are, and how many are waived.
      type: dict
      returned: always
      sample: {"block": 31, "warn": 12, "info": 4, "waived": 2}
    views_disagree:
      description: On how many hosts the API and the host disagree.
      type: int
      returned: always
    hosts_with_plain_callers:
      description: On how many hosts programs read without a token, known noise aside.
      type: int
      returned: always
    outcomes:
      description: How many hosts a run that changes them left in each way.
      type: dict
      returned: always
      sample: {"changed": 40, "unchanged": 0, "failed": 1, "rolled_back": 2, "unreachable": 0, "skipped": 0}
drift:
  description: What changed since the last report that said something else, null if this is the first.
  returned: success
  type: dict
  contains:
    since:
      description: When that report was made.
      type: str
      returned: always
      sample: "2026-11-20T08:00:00Z"
    new_hosts:
      description: Hosts that were not in it.
      type: list
      elements: str
      returned: always
    vanished_hosts:
      description: Hosts that were in it only.
      type: list
      elements: str
      returned: always
    changed_modes:
      description: Hosts whose mode changed, in the view V(control_plane) or V(in_guest).
      type: list
      elements: dict
      returned: always
      sample: [{"host": "web1", "view": "in_guest", "before": "optional", "after": "required"}]
    new_findings:
      description: Findings that were not in it, of hosts that were.
      type: list
      elements: dict
      returned: always
      sample: [{"host": "web2", "id": "cloud_init_too_old", "severity": "block", "title": "cloud-init cannot read with tokens"}]
    solved_findings:
      description: Findings of it that are gone, of hosts that are still there.
      type: list
      elements: dict
      returned: always
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.alicloud.imds.plugins.module_utils._fleetreport._options import argument_spec
from ansible_collections.alicloud.imds.plugins.module_utils._fleetreport._report import report
from ansible_collections.alicloud.imds.plugins.module_utils._fleetreport._writer import ReportError


def main() -> None:
    # no_log: the system log is no place for what is known of a whole fleet
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True, no_log=True)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    try:
        result = report(module.params, now, module.check_mode)
    except (ReportError, ValueError) as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
