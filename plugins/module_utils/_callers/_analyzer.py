# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What does the log of Alibaba's analyzer plug-in tell? Pure. Private to the collection.

The plug-in ACS-ECS-ImdsPacketAnalyzer writes /var/log/imds/imds-trace.*, one line for a request, at the level WARNING
for one without a token, INFO for one with, ERROR for one that it could not read. Only the time, the name of the calling
process and the class of the path are taken; arguments and headers are not.
"""

from __future__ import annotations

import re
import time
import typing as t

from ._paths import NO_PATH, path_class
from ._vocabulary import UNPARSABLE, WITH_TOKEN, WITHOUT_TOKEN

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)")
_LEVEL = re.compile(r"\b(warning|info|error)\b", re.IGNORECASE)
_PROCESS = re.compile(r"pid:\s*\d+(?::([^\s:()]{1,16}))?", re.IGNORECASE)
_PATH = re.compile(r"\b(?:GET|HEAD|PUT|POST) (/\S{0,300})", re.IGNORECASE)
_MODES = {"warning": WITHOUT_TOKEN, "info": WITH_TOKEN, "error": UNPARSABLE}


class Line(t.NamedTuple):
    """One request."""

    when: int
    mode: str
    comm: t.Optional[str]
    path: str


def parse(text: str) -> t.Optional[Line]:
    """A line about a request; None for any other. Its time is the host's local one."""
    when, level, process = _TIME.search(text), _LEVEL.search(text), _PROCESS.search(text)
    if when is None or level is None or process is None:
        return None
    try:
        local = time.strptime("%s %s" % when.groups(), "%Y-%m-%d %H:%M:%S")
        seconds = int(time.mktime(local))
    except (ValueError, OverflowError):
        return None
    path = _PATH.search(text)
    return Line(
        seconds, _MODES[level.group(1).lower()], process.group(1), path_class(path.group(1)) if path else NO_PATH
    )


def callers(lines: t.Iterable[str]) -> t.List[t.Dict[str, t.Any]]:
    """The requests summed up by the name of the caller, in the form of `_watch/_records.py`."""
    rows: t.Dict[t.Optional[str], t.Dict[t.Tuple[str, str], t.Dict[str, t.Any]]] = {}
    for text in lines:
        line = parse(text)
        if line is None:
            continue
        fresh = {"mode": line.mode, "path": line.path, "count": 0, "first": line.when, "last": line.when}
        row = rows.setdefault(line.comm, {}).setdefault((line.mode, line.path), fresh)
        row["count"] += 1
        row["first"], row["last"] = min(row["first"], line.when), max(row["last"], line.when)
    nothing = dict.fromkeys(("uid", "user", "exe", "unit", "container", "source"))
    found: t.Dict[str, t.Any] = {"parents": {}, "found_by": {}, "exe_found_by": {}}
    return [{**nothing, "comm": comm, **found, "requests": list(own.values())} for comm, own in rows.items()]
