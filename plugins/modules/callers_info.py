#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: callers_info
short_description: Which programs on managed nodes use the ECS metadata service, and in which mode
version_added: 0.2.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Reads what the callers watch (C(ecs-metadata watch)) has recorded on the host, and the log of Alibaba's own analyzer, the Cloud
    Assistant plug-in C(ACS-ECS-ImdsPacketAnalyzer), where it is installed.
  - Answers the question to ask before tokens become mandatory, which is who would break. It asks the metadata service nothing.
  - Records hold no tokens, no values, no query strings, and of paths only a class such as C(instance-id) or C(tags/*).
options:
  max_age:
    description:
      - Return only requests of which the last one is not older than this many seconds.
      - Counts are sums since the records began, whatever is set here.
    type: int
  modes:
    description:
      - Return only requests of these kinds. By default all are returned.
      - V(unparsable) is what was no HTTP request, or could not be captured completely.
    type: list
    elements: str
    choices: [token_request, with_token, without_token, unparsable]
    default: []
  callers:
    description:
      - Return only callers of which the executable, user, unit, container, command name or source address matches one of these
        shell patterns. By default all are returned.
    type: list
    elements: str
    default: []
  ignore_noise:
    description:
      - Leave out, of the result and of the verdict, requests without a token that are marked as RV(callers[].requests[].noise).
      - These come from software that knows tokens, but nothing proves that it is new enough. See its versions, too.
    type: bool
    default: false
  state_dir:
    description: Where the watch keeps its records.
    type: path
    default: /var/lib/alicloud-imds
  log_dir:
    description: Where the log of Alibaba's analyzer is. It need not exist.
    type: path
    default: /var/log/imds
extends_documentation_fragment:
  - alicloud.imds._attributes
notes:
  - Records are readable by root only, so the task needs C(become).
  - What the watch has seen is in its records five seconds later at the latest; RV(watching.updated) says when they were written.
  - A watch that does not run, or never did, is a result and not a failure; then there is no verdict.
  - Names of callers are what processes call themselves. Treat them as hostile; they are not safe to use in a template of HTML or
    in a shell without quoting.
seealso:
  - module: alicloud.imds.access_modes_info
  - name: View instance metadata
    description: The analyzer plug-in, and what the metric of CloudMonitor counts.
    link: https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata
"""

EXAMPLES = r"""
- name: Who used the plain mode in the last week?
  alicloud.imds.callers_info:
    modes: [without_token]
    max_age: 604800
  become: true
  register: plain

- name: Insist on a quiet week
  ansible.builtin.assert:
    that:
      - plain.watching.running
      - plain.quiet_seconds >= 604800
    fail_msg: "Still in plain mode: {{ plain.callers | map(attribute='comm') | unique | join(', ') }}"

- name: What do the programs of one unit do?
  alicloud.imds.callers_info:
    callers: ["backup.service"]
  become: true
"""

RETURN = r"""
callers:
  description: Who called, the last user of the plain mode first.
  returned: success
  type: list
  elements: dict
  contains:
    uid:
      description: Numeric user, or null if not known.
      type: int
      sample: 33
    user:
      description: Name of the user in the host's own user database, or null. Always null for containers.
      type: str
      sample: www-data
    comm:
      description: Command name, as the process calls itself; at most 15 bytes.
      type: str
      sample: curl
    exe:
      description: Path of the executable, or null if not known.
      type: str
      sample: /usr/bin/curl
    unit:
      description: systemd unit, or null.
      type: str
      sample: backup.service
    container:
      description: Engine and short ID, or name, of the container; null outside of containers.
      type: str
      sample: docker:0123456789ab
    source:
      description: Source address of requests that this host forwarded, else null.
      type: str
      sample: 172.17.0.2
    parents:
      description: Command names of parent processes and how often each was seen; at most four names.
      type: dict
      sample: {"backup.sh": 3}
    found_by:
      description:
        - How the process was found, and how often in this way. C(connect), the kernel told who it is when it connected. C(socket),
          it had the socket open. C(uid), only the socket's user is known. C(address), only the source address is known. C(none),
          nothing is known.
        - Empty for what is from the analyzer's log.
      type: dict
      sample: {"connect": 3}
    exe_found_by:
      description:
        - How the executable was found. C(proc), it was read from the process. C(same_name), the process had ended already, and
          another of the same user, name and unit was this executable. C(none), it is not known.
      type: dict
      sample: {"proc": 2, "same_name": 1}
    modes:
      description: Number of requests by mode.
      type: dict
      sample: {"without_token": 3}
    requests:
      description: Requests by mode and class of path.
      type: list
      elements: dict
      contains:
        mode:
          description: V(token_request), V(with_token), V(without_token) or V(unparsable).
          type: str
          sample: without_token
        path:
          description: Class of the path; V(other) for what is no known item, V(-) for what could not be parsed.
          type: str
          sample: instance-id
        count:
          description: How many.
          type: int
          sample: 3
        first:
          description: Time of the first one.
          type: str
          sample: "2026-11-24T21:06:27Z"
        last:
          description: Time of the last one.
          type: str
          sample: "2026-11-24T21:06:30Z"
        noise:
          description:
            - Why these are to be expected of software that knows tokens, else null. V(cloud_assistant), Cloud Assistant asks
              without a token first. V(retry), a program repeated without a token what it had just asked with one. V(probe),
              M(alicloud.imds.access_modes_info) or C(ecs-metadata modes) asked on purpose.
          type: str
          sample: null
    seen_by:
      description: V(watch) or V(analyzer).
      type: str
      sample: watch
    summed_up:
      description: Whether these are many callers that had to make room in the records; they have no names then.
      type: bool
      sample: false
totals:
  description: Number of requests in RV(callers) by mode, and how many of them are C(noise).
  returned: success
  type: dict
  sample: {"token_request": 4, "with_token": 97, "without_token": 3, "unparsable": 0, "noise": 0}
last_without_token:
  description: Time of the last request without a token, of any caller, or null if there was none.
  returned: success
  type: str
  sample: "2026-11-24T21:06:30Z"
quiet_since:
  description:
    - Since when no request without a token was seen, of any caller and whatever is filtered; the time of the last one, or of the
      beginning of the watch. Restarts of the watch that take less than a minute do not count as a new beginning.
    - What M(alicloud.imds.access_modes_info) asks on purpose does not count.
    - What is C(unparsable) is not counted as one, as nobody knows what it was; RV(totals) says whether there was any.
    - Null if no watch is running, since nobody knows then.
  returned: success
  type: str
  sample: "2026-11-24T21:06:30Z"
quiet_seconds:
  description: The same as a number of seconds until now, or null.
  returned: success
  type: int
  sample: 86400
watching:
  description: How the watch does.
  returned: success
  type: dict
  contains:
    running:
      description: Whether a watch is running now.
      type: bool
      sample: true
    since:
      description: Since when it has been running without a gap, or null.
      type: str
      sample: "2026-11-20T08:00:00Z"
    updated:
      description: When the records were written last, or null if there are none.
      type: str
      sample: "2026-11-24T21:06:33Z"
    found_by:
      description: The best way to find a caller that this host allows, V(connect) or V(socket), or null.
      type: str
      sample: connect
    dropped:
      description: Packets that came faster than they could be read. What they held is not in the records.
      type: int
      sample: 0
    forgotten:
      description: Connections that had to make room while a request was under way.
      type: int
      sample: 0
    problems:
      description: Sentences on what the watch cannot do, or could not.
      type: list
      elements: str
      sample: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.alicloud.imds.plugins.module_utils._callers._file import NotReadable
from ansible_collections.alicloud.imds.plugins.module_utils._callers._load import callers
from ansible_collections.alicloud.imds.plugins.module_utils._callers._report import Filter
from ansible_collections.alicloud.imds.plugins.module_utils._callers._vocabulary import (
    LOG_DIRECTORY,
    MODES,
    STATE_DIRECTORY,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "max_age": {"type": "int"},
            "modes": {"type": "list", "elements": "str", "choices": list(MODES), "default": []},
            "callers": {"type": "list", "elements": "str", "default": []},
            "ignore_noise": {"type": "bool", "default": False},
            "state_dir": {"type": "path", "default": STATE_DIRECTORY},
            "log_dir": {"type": "path", "default": LOG_DIRECTORY},
        },
        supports_check_mode=True,
    )
    wanted = module.params
    chosen = Filter(wanted["max_age"], wanted["modes"], wanted["callers"], wanted["ignore_noise"])
    try:
        report = callers(wanted["state_dir"], wanted["log_dir"], chosen)
    except NotReadable as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=False, **report)


if __name__ == "__main__":
    main()
