#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: preflight_info
short_description: Find what breaks on a managed node when metadata access requires a token
version_added: 0.2.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Finds software on a host that fails when the ECS instance metadata service (IMDS) is set to security hardening mode (formerly
    "security-enhanced mode", comparable to IMDSv2), which requires a token for every request.
  - Reports, in one run, outdated versions of cloud-init, libraries, tools and agents, scripts and recorded programs that send normal-mode
    requests, processes that still use replaced files, and nodes of ACK clusters.
  - Only reads files, and runs C(rpm) to query its database. It runs no other program, sends no request to the metadata service, and
    changes nothing.
  - Each finding has a severity, a title, evidence, the impact when tokens are required, and a remedy. What could not be examined is a
    finding as well.
  - Each request in a script is judged by itself. If a file does not show whether a request carries a token, for example because another
    file sets its headers, the finding is a warning.
  - It does not detect what programs in containers use. The records of the callers watch cover these, see O(callers).
options:
  checks:
    description:
      - The checks to run. V(all) runs all of them.
      - V(platform) checks that the host is an ECS instance.
      - V(callers) judges the recorded callers, see O(callers).
      - V(cloud_init) judges the version of cloud-init.
      - V(ack) detects nodes of ACK and other Kubernetes clusters, and container stores.
      - V(scripts) finds scripts that send normal-mode requests.
      - V(python), V(node), V(php) and V(java) find libraries that are too old for tokens.
      - V(programs) judges Go programs, by their build information, and the command line tools of Alibaba Cloud.
      - V(agents) finds agents, and the Ansible collection C(alibaba.alicloud).
      - V(processes) finds processes that still use an old library or program that was replaced.
    type: list
    elements: str
    choices: [all, platform, callers, cloud_init, ack, scripts, python, node, php, java, programs, agents, processes]
    default: [all]
  script_directories:
    description:
      - Directories with scripts to examine, and paths of single scripts.
      - The default is the usual places, the most important first - cron, init scripts, profiles, local systemd units, network hooks, user
        data and scripts of cloud-init, configuration of cluster, monitoring and web servers, V(/usr/local/bin), V(/usr/local/sbin),
        V(/root), V(/opt), V(/srv), V(/var/www), V(/app), V(/data) and V(/home).
      - The check takes at most half of the time until O(deadline). Directories that it did not reach are a finding.
    type: list
    elements: str
  extra_directories:
    description: Directories to examine for scripts, libraries and programs before the others.
    type: list
    elements: str
    default: []
    version_added: 1.0.0
  excluded_directories:
    description: Directories not to enter.
    type: list
    elements: str
    default: []
    version_added: 1.0.0
  search_directories:
    description:
      - Directories to search for libraries and programs.
      - The default is V(/usr), V(/opt), V(/home), V(/root), V(/srv), V(/app), V(/data), V(/var/www) and V(/var/lib).
      - Links to directories are not followed. Network file systems, pseudo file systems and container stores are not entered.
    type: list
    elements: str
  callers:
    description:
      - Records of callers of the metadata service, to judge instead of those on the host (O(state_dir), O(log_dir)).
      - These keys of a record are used - C(mode) (V(normal_mode) for a normal-mode request), C(last_seen) (seconds since 1970, or
        ISO 8601), C(exe), C(comm), C(unit), C(container), C(uid), C(count), and C(noise) (the kind of known noise; false if it is not
        noise). All but C(mode) are optional.
    type: list
    elements: dict
  callers_since:
    description:
      - When the records in O(callers) begin, in seconds since 1970 or ISO 8601.
      - Records that cover less than O(quiet_period) are a finding.
    type: str
  state_dir:
    description: Directory of the records of the callers watch.
    type: path
    default: /var/lib/alicloud-imds
  log_dir:
    description: Directory of the log of Alibaba Cloud's packet analyzer. It is optional.
    type: path
    default: /var/log/imds
  quiet_period:
    description: Number of seconds before now in which a recorded normal-mode request counts as a finding.
    type: int
    default: 604800
  waivers:
    description:
      - Exceptions for findings. A waived finding stays in the list, marked with the reason and date of its waiver, and does not count for
        RV(verdict).
      - A waiver that has expired has no effect, and is a finding itself.
    type: list
    elements: dict
    default: []
    suboptions:
      finding:
        description: ID of the finding, or a pattern such as V(python_*). A C(:) and a pattern for the path in the evidence may follow, such
          as V(script_normal_mode:/opt/app/*).
        type: str
        required: true
      host:
        description: Pattern for the names of the hosts that the waiver covers. It covers all hosts if omitted.
        type: str
      reason:
        description: Reason for the waiver.
        type: str
        required: true
      expires:
        description: The last day of the waiver (UTC), as V(YYYY-MM-DD).
        type: str
        required: true
  host:
    description: Name of this host to compare with O(waivers[].host). The default is the host name of the system.
    type: str
  deadline:
    description: Number of seconds after which to stop. What was found until then is returned, with a finding that says what is incomplete.
    type: float
    default: 30
extends_documentation_fragment:
  - alicloud.imds._attributes
notes:
  - Run it as root (C(become)). Other users cannot read all files and processes; those are returned as findings.
  - It runs on Linux. Windows does not support security hardening mode.
  - Findings do not fail the task. Use RV(verdict) to decide.
seealso:
  - module: alicloud.imds.access_modes_info
  - module: alicloud.imds.callers_info
  - name: Preflight findings
    description: All findings with severity, evidence, impact and remedy (C(docs/preflight-findings.md) of the collection).
    link: https://github.com/alicloud-imds/alicloud.imds/blob/main/docs/preflight-findings.md
"""

EXAMPLES = r"""
- name: Run the preflight check
  alicloud.imds.preflight_info:
    waivers:
      - finding: python_oss2_normal_mode
        reason: The backup uses its own access keys and moves to another library in spring
        expires: 2027-03-31
  become: true
  register: preflight

- name: Fail if a finding blocks
  ansible.builtin.assert:
    that: preflight.verdict != 'block'
    fail_msg: "{{ preflight.findings | selectattr('severity', 'eq', 'block') | map(attribute='title') | unique | join('; ') }}"

- name: Check the scripts in one directory
  alicloud.imds.preflight_info:
    checks: [scripts]
    script_directories: [/srv/jobs]
"""

RETURN = r"""
findings:
  description: All findings. Those without a waiver come first, the most severe first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: ID of the kind of finding.
      type: str
      returned: always
      sample: python_credentials_too_old
    severity:
      description: V(block), V(warn) or V(info).
      type: str
      returned: always
    title:
      description: What is wrong, in a sentence.
      type: str
      returned: always
    detail:
      description: Details of this finding, such as how certain it is; may be empty.
      type: str
      returned: always
    evidence:
      description: Where it was found, such as C(path), C(line), C(version) and C(pid).
      type: dict
      returned: always
      sample: {"path": "/opt/app/lib/python3.11/site-packages/alibabacloud_credentials-0.3.5.dist-info/METADATA",
        "version": "0.3.5", "first_good": "0.3.6"}
    impact:
      description: What breaks when tokens are required.
      type: str
      returned: always
      sample: Programs that use the library with the instance RAM role get no credentials, and their API calls fail.
      version_added: 1.0.0
    remedy:
      description: How to resolve it, where possible as one command or link.
      type: str
      returned: always
    waived:
      description: Reason and date of the waiver; null without a waiver.
      type: dict
      returned: always
      sample: {"reason": "Uses its own access keys", "expires": "2027-03-31"}
verdict:
  description: The highest severity among findings without a waiver - V(block) or V(warn), else V(clear).
  returned: success
  type: str
  sample: block
complete:
  description: Whether all checks finished within O(deadline) and examined all names of each directory.
  returned: success
  type: bool
  sample: true
callers:
  description:
    - The recorded normal-mode requests, one row per caller and class of path; null if nothing was recorded.
    - Processes choose their own names. Treat all names as untrusted.
  returned: success
  type: list
  elements: dict
  sample: [{"mode": "normal_mode", "uid": 33, "user": "www-data", "exe": "/usr/bin/curl", "comm": "curl", "unit": "app.service",
    "container": null, "source": null, "path_class": "instance-id", "count": 3, "first_seen": "2026-11-24T21:06:27Z",
    "last_seen": "2026-11-24T21:06:30Z", "noise": null}]
examined:
  description: Counters and duration in seconds of each check. C(search) is the common search for libraries and programs.
  returned: success
  type: dict
  sample: {"scripts": {"texts": 35, "binaries": 977, "names": 2851, "directories": 936, "files": 1014, "findings": 0,
    "seconds": 0.4, "complete": true}}
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.alicloud.imds.plugins.module_utils._common import _python  # noqa: F401  # pylint: disable=unused-import

# isort: split
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._isolation import run_isolated
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._options import argument_spec, make_request


def main():
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    try:
        request = make_request(module.params, os.uname().nodename)
    except ValueError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=False, **run_isolated(request)._asdict())


if __name__ == "__main__":
    main()
