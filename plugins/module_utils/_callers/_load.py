# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who called the metadata service on this host? Reads what was recorded, and asks nobody. Private to the collection."""

from __future__ import annotations

import glob
import os
import time
import typing as t

from . import _analyzer as analyzer
from ._file import NotReadable, is_running, read
from ._report import Filter, Records, report

_LARGEST_LOG = 8 << 20


def callers(state: str, logs: str, chosen: Filter) -> t.Dict[str, t.Any]:
    """The report on the records of the watch and of Alibaba's analyzer (none if *logs* is empty); raise NotReadable."""
    content = read(state)
    found = analyzer.callers(_lines(logs) if logs else ())
    if content is None:
        records = Records([], None, found, {}, [], is_running(state))
    else:
        running = is_running(state)
        records = Records(content.callers, content.other, found, content.status, content.periods, running)
    try:
        return report(records, chosen, int(time.time()))
    except (KeyError, TypeError, ValueError, AttributeError):
        reason = "a record in it is damaged. Stop the watch, remove the file, start it again"
        raise NotReadable("%s cannot be understood: %s." % (os.path.join(state, "callers.json"), reason)) from None


def _lines(folder: str) -> t.Iterator[str]:
    """All lines of the analyzer's logs."""
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), "imds-trace.*"))):
        try:
            with open(path, "rb") as stream:
                stream.seek(max(0, os.fstat(stream.fileno()).st_size - _LARGEST_LOG))
                for line in stream:
                    yield line.decode("utf-8", "replace")
        except FileNotFoundError:
            continue
        except OSError as exc:
            raise NotReadable("%s cannot be read: %s. Only root may." % (path, exc.strerror)) from None
