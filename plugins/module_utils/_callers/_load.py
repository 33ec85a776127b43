# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the records of the callers watch and the analyzer's log, and report on both."""

import glob
import os
import time
import typing as t

from . import _analyzer as analyzer
from ._file import cannot_read, damaged, is_running, read
from ._report import Filter, Records, report

_LARGEST_LOG = 8 << 20  # bytes; of a longer log only the end is read


def callers(state: str, logs: str, chosen: Filter) -> t.Dict[str, t.Any]:
    """Return the report (see `_report.report`) on the records in the directory *state* and the logs in *logs*.

    If *logs* is empty, no logs are read. Raises NotReadable.
    """
    content = read(state)
    analyzed = analyzer.callers(_lines(logs) if logs else ())
    running = is_running(state)
    if content is None:
        records = Records([], None, analyzed, {}, [], running)
    else:
        records = Records(content.callers, content.other, analyzed, content.status, content.periods, running)
    try:
        return report(records, chosen, int(time.time()))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise damaged(state, "invalid record") from None


def _lines(folder: str) -> t.Iterator[str]:
    """Yield the lines of the analyzer's logs. Raises NotReadable."""
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), "imds-trace.*"))):
        try:
            with open(path, "rb") as stream:
                stream.seek(max(0, os.fstat(stream.fileno()).st_size - _LARGEST_LOG))
                for line in stream:
                    yield line.decode("utf-8", "replace")
        except FileNotFoundError:
            continue  # rotated since it was listed
        except OSError as exc:
            raise cannot_read(path, exc, "--log-dir (module option log_dir)") from None
