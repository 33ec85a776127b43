#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: report
short_description: Report on the metadata access of a whole fleet
version_added: 0.2.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Writes the results of other modules for each host to one self-contained HTML page, and the same data as JSON, CSV, JUnit XML
    and SARIF 2.1.0.
  - Compares them with the report that is already in the folder, and returns what changed since then.
  - Adds the finding C(views_disagree) to hosts whose metadata service does not behave as the ECS API reports.
  - Sends no request to hosts or to the API. Runs on the controller, whatever the connection of the host is. Use it with C(run_once).
options:
  path:
    description:
      - Folder on the controller for C(report.html), C(report.json), C(hosts.csv), C(findings.csv), C(future.csv), C(junit.xml) and
        C(report.sarif). Created if it does not exist. A relative path starts at the working directory of Ansible.
      - Each file is replaced atomically; a symbolic link in its place is replaced, not followed. A C(report.json) that is not a
        report of this module is an error.
    type: path
    required: true
  title:
    description:
      - Title of the page.
    type: str
    default: ECS metadata access
  language:
    description:
      - Language of C(report.html), RV(next_steps) and RV(summary), V(en) for English or V(zh) for Chinese.
      - The other files, the messages, and what hosts and the API report stay in English, so that programs can read them. Titles of the
        playbooks of this collection are translated, any other O(title) is displayed as it is.
    type: str
    choices: [en, zh]
    default: en
    version_added: 1.0.0
  mode:
    description:
      - Mode of the files. Findings and callers show an attacker where to start, so others can never read them.
      - A folder that is created gets V(0700) or V(0750).
    type: str
    choices: ['0600', '0640']
    default: '0600'
  hosts:
    description:
      - The data of each host, one entry per host. Only the name is required.
      - Text is cut to 2,000 characters.
      - Entries are validated one by one. A part with an invalid form does not fail the task. It is omitted, and named in a warning and
        in the finding C(entry_not_understood) of the host, which blocks.
    type: list
    elements: dict
    required: true
    suboptions:
      host:
        description: Name of the host, usually C(inventory_hostname). It identifies the host when reports are compared.
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
        description: The metadata options in the ECS API, as M(alicloud.imds.metadata_options_info) returns them.
        type: dict
        suboptions:
          http_tokens:
            description: Whether tokens are required.
            type: str
            choices: [optional, required]
          http_endpoint:
            description: Whether the metadata service is enabled.
            type: str
            choices: [enabled, disabled]
          instance_metadata_tags:
            description: Whether the tags of the instance are part of its metadata.
            type: str
            choices: [enabled, disabled]
          verdict:
            description: The verdict. An V(exempt) host that accepts normal-mode requests is not counted as non-compliant.
            type: str
            choices: [compliant, optional, endpoint_disabled, exempt, unknown]
          reason:
            description: Why the verdict is V(exempt) or V(unknown).
            type: str
      in_guest:
        description: The access modes on the host, as M(alicloud.imds.access_modes_info) returns them.
        type: dict
        suboptions:
          verdict:
            description: The verdict.
            type: str
            choices: [optional, unknown, required, disabled, unreachable]
            required: true
          problems:
            description: Deviations of the service from its documentation, or why it is unreachable.
            type: list
            elements: str
      findings:
        description: What would break if tokens were required. If omitted or null, the host counts as not checked.
        type: list
        elements: dict
        suboptions:
          id:
            description:
              - The kind of finding, as M(alicloud.imds.preflight_info) returns it. Title, impact and remedy of a known kind are those of
                the catalog. A finding of another kind becomes C(unknown_finding), with its ID and title in the evidence.
            type: str
            required: true
          severity:
            description: V(block) means that tokens must not be required yet.
            type: str
            choices: [block, warn, info]
            required: true
          title:
            description: What is wrong, in a few words, the same on each host.
            type: str
            required: true
          detail:
            description: What distinguishes this occurrence.
            type: str
          evidence:
            description: Where it was found on this host, as text, or as the dict that M(alicloud.imds.preflight_info) returns.
            type: raw
          impact:
            description: What breaks when tokens are required.
            type: str
          remedy:
            description: How to resolve it. Text between backticks is displayed as code.
            type: str
          waived:
            description: The waiver of this finding, or null.
            type: dict
            suboptions:
              reason:
                description: Why the finding is acceptable.
                type: str
                required: true
              expires:
                description: The last day of the waiver, such as V(2030-01-31). Afterwards the finding counts again.
                type: str
                required: true
      callers:
        description: The callers that were recorded on the host. If omitted or null, the host counts as not watched and is not
          V(ready), unless a waiver covers the finding C(callers_unknown).
        type: list
        elements: dict
        suboptions:
          mode:
            description: Mode of the requests. V(normal_mode) means without a token; any other mode is displayed as it is.
            type: str
            required: true
          uid:
            description: User ID, shown where there is no O(hosts[].callers[].user).
            type: int
          user:
            description: User name.
            type: str
          exe:
            description: Path of the executable.
            type: str
          comm:
            description: Command name, shown where there is no O(hosts[].callers[].exe).
            type: str
          unit:
            description: systemd unit.
            type: str
          container:
            description: Container, shown instead of O(hosts[].callers[].unit).
            type: str
          source:
            description: Source address of forwarded requests, shown where there is neither a unit nor a container.
            type: str
          path_class:
            description: Class of the metadata that was read.
            type: str
          count:
            description: Number of requests.
            type: int
          first_seen:
            description: Time of the first request, ISO 8601 in UTC, such as V(2026-11-20T08:00:00Z).
            type: str
          last_seen:
            description: Time of the last request, in the same format.
            type: str
          noise:
            description: Why a normal-mode caller is known to be harmless, null if it is not. A harmless caller is not counted.
            type: str
      fence:
        description: The metadata firewall on the host, see M(alicloud.imds.fence).
        type: dict
        suboptions:
          mode:
            description: Mode of the fence.
            type: str
            choices: ['off', audit, enforce]
            required: true
          counters:
            description: Its counters, name and number.
            type: dict
      outcome:
        description: The result of the last run that changes hosts.
        type: dict
        suboptions:
          result:
            description: The result.
            type: str
            choices: [changed, unchanged, failed, rolled_back, blocked, exempt, disabled, not_ecs, unsupported, unreachable, skipped]
            required: true
          reason:
            description: The reason for it.
            type: str
      batch:
        description: Batch of that run.
        type: str
  unreachable:
    description: Names of hosts that were unreachable, or failed before they were examined.
    type: list
    elements: str
    default: []
  skipped:
    description: Names of hosts that the run did not reach.
    type: list
    elements: str
    default: []
  inventory:
    description:
      - Names of all hosts of the inventory, usually C(groups.all).
      - A host in this list, in O(unreachable) or in O(skipped) that has no entry in O(hosts) keeps its data from the report that is already
        in the folder, with the time of that report (C(last_known)). So a run with C(--limit) does not remove hosts from the report.
      - Hosts of the previous report that are in none of these lists are removed.
    type: list
    elements: str
    default: []
    version_added: 1.0.0
  instances:
    description:
      - All instances of the account, as M(alicloud.imds.metadata_options_info) returns them.
      - Those that no host of the report is, by their instance ID, are added with C(managed) false, under their instance IDs.
      - If omitted, the unmanaged instances of the previous report stay in the report, with the time of that report.
    type: list
    elements: dict
    version_added: 1.0.0
  unread_regions:
    description: IDs of regions that could not be read. Their unmanaged instances stay in the report as if O(instances) were omitted.
    type: list
    elements: str
    default: []
    version_added: 1.0.0
  future:
    description:
      - What creates instances in the future, as a registered result of M(alicloud.imds.provisioning_info), also of a task that failed.
        Everything that it could not read is named in the report, and what the previous report has of it stays, with the time.
      - If omitted or skipped, the data of the previous report stays in the report, with the time of that report.
    type: dict
    version_added: 1.0.0
  conditions:
    description:
      - Conditions to evaluate for RV(met_conditions). The task does not fail because of them, so that a playbook can show the report first.
        What is unknown meets a condition. Hosts of O(inventory) that are not part of the run do not count.
      - V(drift) is met by a host that required tokens in an earlier report in this folder and accepts normal-mode requests now, or whose
        mode is unknown now. It stays met until the host requires tokens again. It is also met if there is no earlier report.
      - V(non_compliant) is met by a host that accepts normal-mode requests and is not exempt, or whose mode is unknown. A host that
        could not be examined is unknown, whatever its last known state is.
      - V(finding:ID), such as V(finding:cloud_init_too_old), is met by a host with a finding of this ID without a valid waiver, and by a
        host of the run without results of the preflight check.
      - V(future) is met if something of O(future) creates instances that accept normal-mode requests, if its verdict is V(unknown), or
        if anything could not be read.
    type: list
    elements: str
    default: []
    version_added: 1.0.0
extends_documentation_fragment:
  - alicloud.imds._attributes
attributes:
  action:
    support: full
    description: An action plugin does the work, so all of it runs on the controller.
  check_mode:
    description: Can run in C(check_mode) and returns whether and how the report would change.
  diff_mode:
    support: full
    description: Returns one line per host and finding, before and after.
  platform:
    description: The files are written on the controller. The managed nodes need nothing.
notes:
  - The files are written by the user who runs Ansible. C(become) and C(delegate_to) have no effect on that.
  - A run with the same findings only renews the time in the files and is not C(changed).
  - For a run on part of the fleet, set O(inventory). Otherwise the other hosts are removed from the report and count as vanished.
seealso:
  - module: alicloud.imds.preflight_info
  - module: alicloud.imds.access_modes_info
  - module: alicloud.imds.metadata_options_info
  - module: alicloud.imds.provisioning_info
"""

EXAMPLES = r"""
- name: Report on all hosts
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
            title: cloud-init does not support tokens
            evidence: cloud-init 20.4.1 (/usr/bin/cloud-init)
            impact: The instance does not start properly.
            remedy: Upgrade to cloud-init 23.2.2 or later.
  run_once: true
  register: report

- name: Show where the report is
  ansible.builtin.debug:
    msg: "{{ report.totals.states.non_compliant }} non-compliant hosts, see {{ report.paths.html }}"
"""

RETURN = r"""
paths:
  description: Paths of the files. In check mode they may not exist.
  returned: success
  type: dict
  sample:
    html: /srv/report/report.html
    json: /srv/report/report.json
    hosts_csv: /srv/report/hosts.csv
    findings_csv: /srv/report/findings.csv
    future_csv: /srv/report/future.csv
    junit: /srv/report/junit.xml
    sarif: /srv/report/report.sarif
totals:
  description: Numbers over all hosts.
  returned: success
  type: dict
  contains:
    hosts:
      description: Number of hosts.
      type: int
      returned: always
    states:
      description: Number of hosts in each state. V(non_compliant) hosts accept normal-mode requests and are not V(exempt).
      type: dict
      returned: always
      sample: {"non_compliant": 37, "unknown": 3, "exempt": 12, "disabled": 8, "compliant": 940}
    next:
      description: >-
        Number of non-compliant hosts by next step - resolve findings that block (V(blocked)), run the preflight check
        (V(not_checked)), update normal-mode callers (V(has_callers)), run the callers watch (V(not_watched)), require tokens (V(ready)), or
        add the instance to the inventory (V(not_managed)).
      type: dict
      returned: always
      sample: {"blocked": 25, "not_checked": 0, "has_callers": 4, "not_watched": 3, "ready": 5, "not_managed": 0}
    findings:
      description: Number of findings of each severity, and of waived findings.
      type: dict
      returned: always
      sample: {"block": 31, "warn": 12, "info": 4, "waived": 2}
    views_disagree:
      description: Number of hosts whose views from the API and from the host disagree.
      type: int
      returned: always
    hosts_with_normal_mode_callers:
      description: Number of hosts with normal-mode callers, except known noise.
      type: int
      returned: always
    outcomes:
      description: Number of hosts by result of the last run that changes hosts.
      type: dict
      returned: always
      sample: {"changed": 40, "unchanged": 0, "failed": 1, "rolled_back": 2, "blocked": 3, "exempt": 1, "disabled": 0, "not_ecs": 0,
        "unsupported": 0, "unreachable": 0, "skipped": 0}
    last_known:
      description: Number of hosts that this run did not examine. Their data is from an earlier report.
      type: int
      returned: always
    not_managed:
      description: Number of instances of the account that no host of the report is.
      type: int
      returned: always
    without_instance_id:
      description:
        - Number of hosts of the report or of O(inventory) whose instance ID is not known. Any of them may be an unmanaged instance.
      type: int
      returned: always
next_steps:
  description: The next steps as lines of text, with the names of hosts and commands that can be pasted.
  returned: success
  type: list
  elements: str
  sample: ["1. Require tokens on 2 hosts: app1, web1", "   They have no blocking finding and no normal-mode caller, and were watched.",
    "   ansible-playbook alicloud.imds.harden --limit app1,web1"]
table:
  description: The hosts of this run as lines of text, in columns - host, state, outcome, next step, reason.
  returned: success
  type: list
  elements: str
  sample: ["HOST  STATE      OUTCOME  NEXT STEP  REASON", "web1  compliant  changed  -          -"]
summary:
  description: What the playbooks of the collection print - RV(table), the number of resources in O(future) and what could not be
    read, if the report has them, RV(next_steps) with a heading, and the path of C(report.html).
  returned: success
  type: list
  elements: str
  sample: ["HOST  STATE      OUTCOME  NEXT STEP  REASON", "web1  compliant  changed  -          -", "", "What to do next",
    "Nothing. Run the audit again after changes.", "", "The report: /srv/report/report.html"]
  version_added: 1.0.0
met_conditions:
  description: A message for each of the O(conditions) that is met, with the names of hosts or resources.
  returned: success
  type: list
  elements: str
  sample: ["non_compliant: normal-mode requests are accepted by 1 host (web2); the mode of 1 host is unknown (web3)."]
  version_added: 1.0.0
drift:
  description: What changed since the last report that differs, null if this is the first.
  returned: success
  type: dict
  contains:
    since:
      description: Time of that report.
      type: str
      returned: always
      sample: "2026-11-20T08:00:00Z"
    new_hosts:
      description: Hosts that are only in this report.
      type: list
      elements: str
      returned: always
    vanished_hosts:
      description: Hosts that are only in that report.
      type: list
      elements: str
      returned: always
    changed_modes:
      description: Hosts whose mode changed, in the view C(control_plane) or C(in_guest).
      type: list
      elements: dict
      returned: always
      sample: [{"host": "web1", "view": "in_guest", "before": "optional", "after": "required"}]
    new_findings:
      description: Findings that are only in this report, of hosts that are in both.
      type: list
      elements: dict
      returned: always
      sample: [{"host": "web2", "id": "cloud_init_too_old", "severity": "block", "title": "cloud-init does not support tokens"}]
    solved_findings:
      description: Findings that are only in that report, of hosts that are in both.
      type: list
      elements: dict
      returned: always
"""
