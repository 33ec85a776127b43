# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which requests without a token are expected of software that does know tokens? Pure. Private to the collection.

* Cloud Assistant asks without a token first, and gets one only when that is refused.
* The probe of this collection asks for the instance ID, to see whether that is answered.
* Some SDKs ask again without a token when a read with one has failed, for the sake of private clouds.

But for the probe none proves that the software is new enough; old releases look alike. So it is a mark on the records, and the
requests are counted all the same.
"""

from __future__ import annotations

import typing as t

from .._callers._vocabulary import PROBE, WITH_TOKEN, WITHOUT_TOKEN
from .._common._bounded import BoundedMap
from ._http_stream import Request
from ._records import Caller

RETRY_SECONDS = 10.0
_KEPT = 4096


class Noise:
    """Remembers, for each process, what it has just asked with a token."""

    def __init__(self) -> None:
        self._asked: "BoundedMap[t.Hashable, t.Tuple[int, float]]" = BoundedMap(_KEPT)

    def kind(self, caller: Caller, pid: int, request: Request, now: float) -> str:
        """A key of `_records.NOISE`, or an empty text."""
        process = pid or caller
        if request.mode == WITH_TOKEN:
            self._asked.put(process, (request.same, now))
            return ""
        if request.mode != WITHOUT_TOKEN:
            return ""
        if request.probe:
            return PROBE
        if is_cloud_assistant(caller):
            return "cloud_assistant"
        same, when = self._asked.pop(process) or (0, 0.0)
        return "retry" if same and same == request.same and 0 <= now - when <= RETRY_SECONDS else ""


def is_cloud_assistant(caller: Caller) -> bool:
    """By the name of its executable or its unit, if root runs it."""
    if caller.uid != 0 or caller.container:
        return False
    name = (caller.exe or "").rpartition("/")[2]
    return name in ("aliyun-service", "aliyun_assist_client") or caller.unit == "aliyun.service"
