# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recognize normal-mode requests that token-aware software is expected to send.

* Cloud Assistant sends a normal-mode request first, and requests a token only if it is refused.
* The probe of this collection reads the instance ID to check whether normal mode is available. It is recognized by its record
  (`_common/_probe_log.py`): any program can send its user agent.
* Some SDKs repeat a failed token-authenticated request in normal mode, to support private clouds.

Except for the probe, old releases that do not support tokens look the same. The requests are therefore counted like others, and
marked.
"""

import typing as t

from .._callers._vocabulary import NORMAL_MODE, PROBE, TOKEN_AUTHENTICATED
from .._common._bounded import BoundedMap
from ._http_stream import Request
from ._records import Caller

RETRY_SECONDS = 10.0
_KEPT = 4096


class Noise:
    """The last token-authenticated request of each process, and the recorded probes."""

    def __init__(self, excuse: t.Callable[[t.Optional[int], float], bool]) -> None:
        """*excuse* is `_probe_log.Excuses.use`."""
        self._excuse = excuse
        self._latest: "BoundedMap[t.Hashable, t.Tuple[int, float]]" = BoundedMap(_KEPT)

    def kind(self, caller: Caller, pid: int, request: Request, now: float, wall: float) -> str:
        """Return a key of `_records.NOISE`, or an empty string.

        *pid* is 0 if unknown. *now* is a monotonic time, *wall* the same time in seconds since 1970.
        """
        process = pid or caller
        if request.mode == TOKEN_AUTHENTICATED:
            self._latest.put(process, (request.same, now))
            return ""
        if request.mode != NORMAL_MODE:
            return ""
        if request.probe and not caller.container and not caller.source and self._excuse(caller.uid, wall):
            return PROBE
        if is_cloud_assistant(caller):
            return "cloud_assistant"
        same, when = self._latest.pop(process) or (0, 0.0)
        return "retry" if same and same == request.same and 0 <= now - when <= RETRY_SECONDS else ""


def is_cloud_assistant(caller: Caller) -> bool:
    """Return whether the caller is Cloud Assistant: root's process with its executable or unit."""
    if caller.uid != 0 or caller.container:
        return False
    name = (caller.exe or "").rpartition("/")[2]
    return name in ("aliyun-service", "aliyun_assist_client") or caller.unit == "aliyun.service"
