#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_info
short_description: What will break on managed nodes once metadata needs a token
version_added: 0.2.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Finds everything on a host that will break when the ECS metadata service insists on tokens, all at once - a cloud-init, library,
    tool or agent that is too old, scripts and running programs that read without a token, nodes of ACK clusters.
  - Reads files only. No program that was found is run (C(rpm) is asked for its database), the metadata service is not asked, nothing is
    changed.
  - Each finding comes with its severity, the evidence and a remedy. What could not be looked at is a finding, too.
  - What programs in containers use, and what a script puts together from several files, is not seen. The records of callers are the
    complement - see O(callers).
options:
  checks:
    description:
      - Which checks to make. V(all) stands for all of them.
      - V(platform) - is this an ECS instance?
      - V(callers) - who read without a token lately, by the records in O(callers).
      - V(cloud_init) - does cloud-init know tokens?
      - V(ack) - is this a node of an ACK cluster? Are there containers?
      - V(scripts) - which scripts read without a token?
      - V(python), V(node), V(php), V(java) - which libraries are too old?
      - V(programs) - which Go programs and tools of Alibaba Cloud are too old, by the build information in the program?
      - V(agents) - which agents and collections are too old?
      - V(processes) - which processes still use an old library that was replaced?
    type: list
    elements: str
    choices: [all, platform, callers, cloud_init, ack, scripts, python, node, php, java, programs, agents, processes]
    default: [all]
  script_directories:
    description:
      - Directories with scripts, and single scripts. The default is the usual ones - cron, init scripts, profiles, own systemd units,
        hooks of the network, user scripts of cloud-init, V(/usr/local/bin), V(/usr/local/sbin), V(/root/bin) and V(/opt).
    type: list
    elements: str
  search_directories:
    description:
      - Directories that are searched for libraries and programs.
      - The default is V(/usr), V(/opt), V(/home), V(/root), V(/srv), V(/app), V(/data), V(/var/www) and V(/var/lib).
      - Links to directories are not followed; network and pseudo file systems and stores of containers are not entered.
    type: list
    elements: str
  callers:
    description:
      - Records of who called the metadata service, instead of those on the host (O(state_dir), O(log_dir)).
      - Used of each record are C(mode) (V(normal_mode) for a request without a token), C(last_seen) (seconds since 1970, or ISO 8601),
        C(exe), C(comm), C(unit), C(container), C(uid), C(count), and C(noise) (why the caller is taken for known noise; false if it
        is not). All but C(mode) may be missing.
    type: list
    elements: dict
  callers_since:
    description: When the recording began, in seconds since 1970 or in ISO 8601. A recording younger than O(quiet_period) is a finding.
    type: str
  state_dir:
    description: Where the callers watch keeps its records.
    type: path
    default: /var/lib/alicloud-imds
  log_dir:
    description: Where the log of Alibaba's analyzer is. It need not exist.
    type: path
    default: /var/log/imds
  quiet_period:
    description: For how many seconds nobody may have read without a token.
    type: int
    default: 604800
  waivers:
    description:
      - Findings that may stay. They remain in the list, marked with the reason, and do not count for RV(verdict).
      - A waiver that has expired counts no longer, and is a finding itself.
    type: list
    elements: dict
    default: []
    suboptions:
      finding:
        description: ID of the finding, as a pattern, such as V(python_oss2_plain) or V(python_*). May be followed by C(:) and a pattern
          of the path in its evidence, such as V(script_reads_plain:/opt/app/*).
        type: str
        required: true
      host:
        description: Pattern of the names of hosts for which it holds. All hosts if omitted.
        type: str
      reason:
        description: Why the finding may stay.
        type: str
        required: true
      expires:
        description: The last day on which the waiver holds (UTC), as V(YYYY-MM-DD).
        type: str
        required: true
  host:
    description: The name of this host in O(waivers[].host). The name that the host gives itself if omitted.
    type: str
  deadline:
    description: After how many seconds to stop looking. What was found until then is returned, and that it is incomplete.
    type: float
    default: 30
extends_documentation_fragment:
  - alicloud.imds._attributes
notes:
  - Run it as root (C(become)); other users see only a part, and are told so.
  - It runs on Linux. On Windows tokens cannot be made mandatory at all.
  - Findings do not fail the task. Use RV(verdict).
seealso:
  - module: alicloud.imds.access_modes_info
  - module: alicloud.imds.callers_info
  - name: All findings
    description: Severity, evidence and remedy of each kind of finding are in C(docs/preflight-findings.md) of the collection.
    link: https://github.com/alicloud-imds/alicloud.imds/blob/main/docs/preflight-findings.md
"""

EXAMPLES = r"""
- name: Look for what would break
  alicloud.imds.preflight_info:
    waivers:
      - finding: python_oss2_plain
        reason: The backup has keys of its own; it moves to another library in spring
        expires: 2027-03-31
  become: true
  register: preflight

- name: Stop if something would
  ansible.builtin.assert:
    that: preflight.verdict != 'block'
    fail_msg: "{{ preflight.findings | selectattr('severity', 'eq', 'block') | map(attribute='title') | unique | join('; ') }}"

- name: Only look for scripts, in directories of our own
  alicloud.imds.preflight_info:
    checks: [scripts]
    script_directories: [/srv/jobs]
"""

RETURN = r"""
findings:
  description: All findings; those that are not waived first, and of these the worst first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The kind of finding.
      type: str
      returned: always
      sample: python_credentials_too_old
    severity:
      description: V(block), V(warn) or V(info).
      type: str
      returned: always
    title:
      description: What was found, in a sentence.
      type: str
      returned: always
    detail:
      description: What is special about this one, and how sure it is. May be empty.
      type: str
      returned: always
    evidence:
      description: Where it was found, such as C(path), C(line), C(version) and C(pid).
      type: dict
      returned: always
      sample: {"path": "/opt/app/lib/python3.11/site-packages/alibabacloud_credentials-0.3.5.dist-info/METADATA",
        "version": "0.3.5", "first_good": "0.3.6"}
    remedy:
      description: What helps.
      type: str
      returned: always
    waived:
      description: Reason and date of the waiver, null if there is none.
      type: dict
      returned: always
      sample: {"reason": "Has keys of its own", "expires": "2027-03-31"}
verdict:
  description: The worst severity of what is not waived - V(block) or V(warn), else V(clear).
  returned: success
  type: str
  sample: block
complete:
  description: Whether all checks came to their end within O(deadline).
  returned: success
  type: bool
  sample: true
callers:
  description:
    - What was recorded of requests without a token, a row for each caller and class of path; null if nothing was recorded.
    - Names are what processes call themselves. Treat them as hostile.
  returned: success
  type: list
  elements: dict
  sample: [{"mode": "normal_mode", "uid": 33, "user": "www-data", "exe": "/usr/bin/curl", "comm": "curl", "unit": "app.service",
    "container": null, "source": null, "path_class": "instance-id", "count": 3, "first_seen": "2026-11-24T21:06:27Z",
    "last_seen": "2026-11-24T21:06:30Z", "noise": null}]
examined:
  description: For each check how much was looked at and how long that took. C(search) is the one search for all libraries and programs.
  returned: success
  type: dict
  sample: {"scripts": {"texts": 35, "binaries": 977, "names": 2851, "directories": 936, "files": 1014, "findings": 0,
    "seconds": 0.4, "complete": true}}
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._options import argument_spec, make_request
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._run import run


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    try:
        request = make_request(module.params, os.uname().nodename)
    except ValueError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=False, **run(request)._asdict())


if __name__ == "__main__":
    main()
