# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse the log of Alibaba Cloud's analyzer plug-in.

The plug-in ACS-ECS-ImdsPacketAnalyzer writes one line for each request to /var/log/imds/imds-trace.*: at the level WARNING
for a normal-mode request, INFO for a token-authenticated request, and ERROR for a request that it could not parse. Only the
time, the name of the calling process and the class of the path are used; arguments and headers are ignored.
"""

import re
import time
import typing as t

from ._paths import NO_PATH, path_class
from ._vocabulary import NORMAL_MODE, TOKEN_AUTHENTICATED, UNPARSABLE

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)")
_LEVEL = re.compile(r"\b(warning|info|error)\b", re.IGNORECASE)
_PROCESS = re.compile(r"pid:\s*\d+(?::([^\s:()]{1,16}))?", re.IGNORECASE)
_PATH = re.compile(r"\b(?:GET|HEAD|PUT|POST) (/\S{0,300})", re.IGNORECASE)
_MODES = {"warning": NORMAL_MODE, "info": TOKEN_AUTHENTICATED, "error": UNPARSABLE}


class Line(t.NamedTuple):
    """One request in the log. ``when`` is in seconds since 1970, ``path`` a class of `_paths`."""

    when: int
    mode: str
    comm: t.Optional[str]
    path: str


def parse(text: str) -> t.Optional[Line]:
    """Parse one line, whose time is in the local time zone; return None if it does not describe a request."""
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
    """Return one record for each command name in the log, in the format of `_file`."""
    rows: t.Dict[t.Optional[str], t.Dict[t.Tuple[str, str], t.Dict[str, t.Any]]] = {}
    for text in lines:
        line = parse(text)
        if line is None:
            continue
        fresh = {"mode": line.mode, "path": line.path, "count": 0, "first": line.when, "last": line.when}
        row = rows.setdefault(line.comm, {}).setdefault((line.mode, line.path), fresh)
        row["count"] += 1
        row["first"], row["last"] = min(row["first"], line.when), max(row["last"], line.when)
    unknown: t.Dict[str, t.Any] = dict.fromkeys(("uid", "user", "exe", "unit", "container", "source"))
    counts: t.Dict[str, t.Any] = {"parents": {}, "attributed_by": {}, "exe_attributed_by": {}}
    return [{**unknown, "comm": comm, **counts, "requests": list(own.values())} for comm, own in rows.items()]
