# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and describe the progress that the module metadata_options records. No I/O."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.alicloud.imds.plugins.module_utils._fleet._apply import SENDING, WAITING

from .._report._text import counted


class Progress(t.NamedTuple):
    """The number of finished changes, of failed ones and of all; *seconds* since the start of the task."""

    stage: str
    done: int
    failed: int
    total: int
    seconds: float

    def line(self, before: t.Optional[Progress]) -> str:
        """Return one line of text. The rate is the one since *before*, or since the start."""
        if self.stage == WAITING:
            text = "changed %s; the API shows %s of the changes"
            return text % (counted(self.total, "instance"), format(self.done, ","))
        failed = ", %s failed" % format(self.failed, ",") if self.failed else ""
        done = "%s of %s done%s" % (format(self.done, ","), counted(self.total, "instance"), failed)
        rate = self._rate(before)
        if not rate:
            return done + ", no progress since the last line" if before else done
        return "%s, %.3g per second, about %s left" % (done, rate, _duration((self.total - self.done) / rate))

    def _rate(self, before: t.Optional[Progress]) -> float:
        earlier = before if before is not None and before.stage == self.stage else self._replace(done=0, seconds=0.0)
        seconds = self.seconds - earlier.seconds
        return (self.done - earlier.done) / seconds if seconds > 0 else 0.0


def parse(text: str) -> t.Optional[Progress]:
    """Return the progress in the file of the module, None if it has another form."""
    try:
        given = json.loads(text)
        found = Progress(
            given["stage"], int(given["done"]), int(given["failed"]), int(given["total"]), float(given["seconds"])
        )
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None
    return found if found.stage in (SENDING, WAITING) else None


def _duration(seconds: float) -> str:
    return "%d s" % (seconds + 0.5) if seconds < 90 else "%d min" % (seconds / 60 + 0.5)
