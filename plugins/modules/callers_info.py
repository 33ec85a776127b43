#!/usr/bin/python
# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: callers_info
short_description: Return which programs on managed nodes read ECS instance metadata, and in which mode
version_added: 0.2.0
author:
  - Contributors to the alicloud.imds collection (@alicloud-imds)
description:
  - Reads the records of the callers watch (C(ecs-metadata watch)) on the host, and the log of Alibaba Cloud's analyzer, the Cloud
    Assistant plug-in C(ACS-ECS-ImdsPacketAnalyzer), where it is installed.
  - Use it to find the programs that fail once the instance requires tokens.
  - The module sends no request to the instance metadata service (IMDS).
  - The records contain no tokens, no values and no query strings, and only a class of each path, such as C(instance-id) or C(tags/*).
options:
  max_age:
    description:
      - Return only the requests whose last occurrence is at most this many seconds ago.
      - Counts are not limited to this time. They are sums since the recording began.
    type: int
  modes:
    description:
      - Return only requests of these modes. By default, requests of all modes are returned.
      - V(token_request) is a C(PUT) request for a token, V(token_authenticated) a request with a token, and V(normal_mode) a request
        without a token.
      - V(unparsable) is a request that is not valid HTTP, or that the watch could not capture completely.
    type: list
    elements: str
    choices: [token_request, token_authenticated, normal_mode, unparsable]
    default: []
  callers:
    description:
      - Return only the callers whose executable, user, unit, container, command name or source address matches one of these
        shell patterns. By default, all callers are returned.
    type: list
    elements: str
    default: []
  ignore_noise:
    description:
      - Ignore normal-mode requests that have a value in RV(callers[].requests[].noise), both in RV(callers) and for
        RV(last_normal_mode) and RV(quiet_since).
      - Token-aware software sends such requests, but so do older releases of the same software. Check its version as well.
    type: bool
    default: false
  state_dir:
    description: Directory of the records.
    type: path
    default: /var/lib/alicloud-imds
  log_dir:
    description: Directory of the analyzer's log. It does not have to exist.
    type: path
    default: /var/log/imds
extends_documentation_fragment:
  - alicloud.imds._attributes
notes:
  - Only root can read the records, so the task needs C(become).
  - The watch writes its records at most five seconds after a request. RV(watch.updated) is the time of the last write.
  - If no watch is running, the module succeeds. RV(watch.running) is then V(false) and RV(quiet_since) is null.
  - Processes choose their own command names. Treat all names as hostile. Quote them in HTML and in shell commands.
seealso:
  - module: alicloud.imds.access_modes_info
  - name: View instance metadata
    description: Documentation of the analyzer plug-in, and of the CloudMonitor metric that counts normal-mode requests.
    link: https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata
"""

EXAMPLES = r"""
- name: List the callers that used normal mode in the last week
  alicloud.imds.callers_info:
    modes: [normal_mode]
    max_age: 604800
  become: true
  register: normal_mode

- name: Check that there was no normal-mode request for a week
  ansible.builtin.assert:
    that:
      - normal_mode.watch.running
      - normal_mode.quiet_seconds >= 604800
    fail_msg: "Still in normal mode: {{ normal_mode.callers | map(attribute='comm') | unique | join(', ') }}"

- name: List the requests of one systemd unit
  alicloud.imds.callers_info:
    callers: ["backup.service"]
  become: true
"""

RETURN = r"""
callers:
  description: The callers. Those with the most recent normal-mode requests come first.
  returned: success
  type: list
  elements: dict
  contains:
    uid:
      description: Numeric user ID, or null if unknown.
      type: int
      sample: 33
    user:
      description: Name of the user in the host's own user database, or null if unknown. Always null for containers.
      type: str
      sample: www-data
    comm:
      description: Command name, as set by the process, at most 15 bytes.
      type: str
      sample: curl
    exe:
      description: Path of the executable, or null if unknown.
      type: str
      sample: /usr/bin/curl
    unit:
      description: systemd unit, or null if the process is in none.
      type: str
      sample: backup.service
    container:
      description: Engine and short ID, or name, of the container. Null outside of containers.
      type: str
      sample: docker:0123456789ab
    source:
      description: Source address of requests that this host forwarded. Null for requests of its own processes.
      type: str
      sample: 172.17.0.2
    parents:
      description: Command names of parent processes, with the number of requests for each. At most four names.
      type: dict
      sample: {"backup.sh": 3}
    attributed_by:
      description:
        - How requests were attributed to this caller, with the number of requests for each method.
        - C(connect), a BPF program reported the process when it connected. C(tracepoint), a tracepoint of the kernel reported it.
          C(socket), the process had the socket open. C(uid), only the user of the socket is known. C(address), only the source
          address is known. C(none), nothing is known.
        - Empty for records of the analyzer.
      type: dict
      sample: {"connect": 3}
    exe_attributed_by:
      description:
        - How the executable was determined, with the number of requests for each method.
        - C(proc), it was read from the process. C(exec), it was read when the process started the program.
          C(same_name), the process had ended, and another process with the same user, command name and unit had this
          executable. C(none), it is unknown.
      type: dict
      sample: {"proc": 2, "same_name": 1}
    evidence:
      description:
        - The weakest source of the attribution. V(kernel), the kernel reported each connecting process. V(tracepoint), a tracepoint of
          the kernel reported it. V(polled), the watch found the process by its open socket, and misses processes that end soon.
        - Null if nothing is known, and for records of the analyzer.
      type: str
      sample: kernel
    would_lose:
      description:
        - What the caller loses if its requests without a certain token are refused, the most important first. Known noise does not count.
          The list is empty for a caller that sends tokens.
      type: list
      elements: str
      sample: ["credentials of the instance RAM role", "names and IDs of the instance"]
    first_seen:
      description: Time of the first of the returned requests.
      type: str
      sample: "2026-11-24T21:06:27Z"
    last_seen:
      description: Time of the last of the returned requests.
      type: str
      sample: "2026-11-24T21:06:30Z"
    modes:
      description: Number of requests for each mode.
      type: dict
      sample: {"normal_mode": 3}
    requests:
      description: Requests by mode and class of path.
      type: list
      elements: dict
      contains:
        mode:
          description: V(token_request), V(token_authenticated), V(normal_mode) or V(unparsable).
          type: str
          sample: normal_mode
        path:
          description: Class of the path. V(other) for unknown items, V(-) for unparsable requests.
          type: str
          sample: instance-id
        count:
          description: Number of requests.
          type: int
          sample: 3
        first:
          description: Time of the first request.
          type: str
          sample: "2026-11-24T21:06:27Z"
        last:
          description: Time of the last request.
          type: str
          sample: "2026-11-24T21:06:30Z"
        noise:
          description:
            - Why token-aware software is expected to send these normal-mode requests, or null.
            - V(cloud_assistant), Cloud Assistant sends a normal-mode request first. V(retry), a program repeated in normal mode what it
              had just requested with a token. V(probe), M(alicloud.imds.access_modes_info) or C(ecs-metadata modes) checked whether
              normal mode is available.
          type: str
          sample: null
        address:
          description: Address of the service, V(100.100.100.200) or V(fd00:100::100:200), or null if the source did not record it.
          type: str
          sample: 100.100.100.200
    recorded_by:
      description: Source of the record, V(watch) or V(analyzer).
      type: str
      sample: watch
    aggregated:
      description: Whether this is the sum of all callers that were evicted from the records to bound their size. It has no names.
      type: bool
      sample: false
totals:
  description: Number of requests in RV(callers) for each mode, and the number of those with a value in C(noise).
  returned: success
  type: dict
  sample: {"token_request": 4, "token_authenticated": 97, "normal_mode": 3, "unparsable": 0, "noise": 0}
last_normal_mode:
  description: Time of the last normal-mode request of any caller, whatever is filtered, or null if none was recorded.
  returned: success
  type: str
  sample: "2026-11-24T21:06:30Z"
quiet_since:
  description:
    - Time since which certainly no caller sent a normal-mode request, whatever is filtered. This is the time of the last one, the time
      when the watch started, or RV(last_uncertain). A restart of the watch that takes less than a minute does not count as a new start.
    - Requests of M(alicloud.imds.access_modes_info) and C(ecs-metadata modes) do not count.
    - Null if no watch is running, because requests are then not recorded, and if RV(watch.coverage) is V(partial).
  returned: success
  type: str
  sample: "2026-11-24T21:06:30Z"
quiet_seconds:
  description: Number of seconds since RV(quiet_since), or null.
  returned: success
  type: int
  sample: 86400
last_uncertain:
  description:
    - Time of the last request that may have been a normal-mode request. Its mode is V(unparsable), or the watch lost packets,
      connections or events of the kernel. Null if there was none.
  returned: success
  type: str
  sample: null
unknown_reason:
  description: Why RV(quiet_since) is null, or later than the start of the watch without a normal-mode request. Null otherwise.
  returned: success
  type: str
  sample: null
watch:
  description: State of the callers watch.
  returned: success
  type: dict
  contains:
    running:
      description: Whether a watch is running now.
      type: bool
      sample: true
    since:
      description: Time since which it has been running without a gap, or null.
      type: str
      sample: "2026-11-20T08:00:00Z"
    updated:
      description: Time when the records were last written, or null if there are no records.
      type: str
      sample: "2026-11-24T21:06:33Z"
    attribution:
      description:
        - The best method of attribution that this host offers, or null if unknown. V(connect), BPF programs report processes that
          connect. V(tracepoint), a tracepoint of the kernel reports them. V(socket), processes are looked up by their open sockets,
          which misses processes that end soon.
      type: str
      sample: connect
    coverage:
      description: V(full), or V(partial) if processes that end soon are missed. Null if unknown.
      type: str
      sample: full
    lost_events:
      description:
        - Number of connections that the kernel could not report to the watch, for example because one user opened very many, or whose
          process had ended before the watch inspected it. Their requests are recorded, but attributed by open sockets or not at all.
      type: int
      sample: 0
    last_loss:
      description: Last time when packets, connections or events of the kernel were lost, or null.
      type: str
      sample: null
    dropped:
      description: Number of packets that arrived faster than the watch could read them. Their requests are not in the records.
      type: int
      sample: 0
    evicted:
      description: Number of connections that were evicted during a request to bound memory. These requests are recorded as V(unparsable).
      type: int
      sample: 0
    problems:
      description: Messages about limitations and errors of the watch.
      type: list
      elements: str
      sample: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.alicloud.imds.plugins.module_utils._common import _python  # noqa: F401  # pylint: disable=unused-import

# isort: split
from ansible_collections.alicloud.imds.plugins.module_utils._callers._file import NotReadable
from ansible_collections.alicloud.imds.plugins.module_utils._callers._load import callers
from ansible_collections.alicloud.imds.plugins.module_utils._callers._report import Filter
from ansible_collections.alicloud.imds.plugins.module_utils._callers._vocabulary import (
    LOG_DIRECTORY,
    MODES,
    STATE_DIRECTORY,
)


def main():
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
    params = module.params
    chosen = Filter(params["max_age"], params["modes"], params["callers"], params["ignore_noise"])
    try:
        report = callers(params["state_dir"], params["log_dir"], chosen)
    except NotReadable as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=False, **report)


if __name__ == "__main__":
    main()
