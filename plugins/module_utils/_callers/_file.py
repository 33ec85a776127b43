# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of records: its location, its format, and its reader.

``callers.json`` in the state directory is readable by root only and always replaced as a whole::

    {"format": 2,
     "status": {"pid": 1, "running_since": 1764018387, "updated": 1764018390, "attribution": "connect", "coverage": "full",
                "dropped": 0, "evicted": 0, "lost_events": 0, "last_loss": null, "problems": []},
     "periods": [[1764000000, 1764010000], [1764018387, 1764018390]],
     "callers": [...], "other": {...}}

``periods`` are the begin and end of each time in which the watch was running, oldest first; the last period ends when the file
was written. ``attribution`` is the best method of attributing requests to processes that the kernel offers; ``coverage`` is
``partial`` if it misses short-lived processes. ``last_loss`` is the last time when packets, connections or events of the kernel were
lost. All times are in seconds since 1970. A running watch holds a lock on the file ``lock`` in the same directory.

One element of ``callers``::

    {"uid": 33, "user": "www-data", "comm": "curl", "exe": "/usr/bin/curl", "unit": "app.service", "container": null,
     "source": null, "parents": {"backup.sh": 3}, "attributed_by": {"connect": 3}, "exe_attributed_by": {"proc": 3},
     "requests": [{"mode": "normal_mode", "path": "instance-id", "count": 3, "first": 1764018387, "last": 1764018390}]}

Unknown values are null. ``source`` is the source address of traffic that this host forwarded. ``mode`` is one of
`_vocabulary.MODES`, ``path`` one of `_paths.every_class()`. A normal-mode request that token-aware software is expected to send
has a ``noise`` that says which software. Requests to the IPv6 address of the service have this ``address``, others have none.
``other`` has the same keys and no names: it holds the sums of callers that were evicted to bound the size of the file.

Format 1 (before 1.0.0) used other names for the same values; `read` translates them.
"""

import fcntl
import json
import os
import typing as t

from ._vocabulary import NORMAL_MODE, TOKEN_AUTHENTICATED

FILE, LOCK = "callers.json", "lock"
FORMAT = 2
LARGEST = 4 << 20

# Names in format 1, and their names in format 2.
_MODES_1 = {"without_token": NORMAL_MODE, "with_token": TOKEN_AUTHENTICATED}  # allow-phrase: without_token with_token
_CALLER_1 = {"found_by": "attributed_by", "exe_found_by": "exe_attributed_by"}  # allow-phrase: found_by exe_found_by
_STATUS_1 = {"found_by": "attribution", "forgotten": "evicted"}  # allow-phrase: found_by
_TYPES = {"status": dict, "periods": list, "callers": list, "other": dict}


class Content(t.NamedTuple):
    """The content of the file, in the current format."""

    status: t.Dict[str, t.Any]
    periods: t.List[t.List[int]]
    callers: t.List[t.Dict[str, t.Any]]
    other: t.Dict[str, t.Any]


class NotReadable(Exception):
    """The records or a log cannot be read; the text names the file, the reason and the next step."""


def path_of(directory: str) -> str:
    """Return the path of the file of records in this state directory."""
    return os.path.join(directory, FILE)


def read(directory: str) -> t.Optional[Content]:
    """Return the records in this state directory, or None if there is no file.

    Raises NotReadable if the file cannot be read, or has an unknown format. Records are not validated one by one.
    """
    path = path_of(directory)
    try:
        with open(path, "rb") as stream:
            text = stream.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise cannot_read(path, exc, "--state-dir (module option state_dir)") from None
    try:
        content = json.loads(text.decode("utf-8"))
        if len(text) > LARGEST or content["format"] not in (1, FORMAT):
            raise ValueError("unknown format")
        found = Content(*(_typed(content, name, kind) for name, kind in _TYPES.items()))
        return _from_format_1(found) if content["format"] == 1 else found
    except (ValueError, KeyError, TypeError, RecursionError):
        raise damaged(directory, "unknown format") from None


def cannot_read(path: str, exc: OSError, option: str) -> NotReadable:
    """Return the exception for a file that the operating system does not let this process read."""
    return NotReadable("Cannot read %s: %s. Run as root, or set another %s." % (path, exc.strerror, option))


def damaged(directory: str, reason: str) -> NotReadable:
    """Return the exception for a file of records with invalid content."""
    advice = "Stop the watch, remove the file, and start the watch again"
    return NotReadable("Cannot parse %s: %s. %s." % (path_of(directory), reason, advice))


def is_running(directory: str) -> bool:
    """Return whether a running watch holds the lock of this state directory."""
    try:
        with open(os.path.join(directory, LOCK), "rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
    except OSError:
        pass
    return False


def _typed(content: t.Dict[str, t.Any], name: str, kind: type) -> t.Any:
    if not isinstance(content[name], kind):
        raise ValueError(name)
    return content[name]


def _from_format_1(content: Content) -> Content:
    """Translate the names of format 1; invalid records are left for the validation that follows."""
    return content._replace(
        status=_renamed(content.status, _STATUS_1),
        callers=[_caller_from_format_1(caller) for caller in content.callers],
        other=_caller_from_format_1(content.other),
    )


def _caller_from_format_1(caller: t.Any) -> t.Any:
    if not isinstance(caller, dict):
        return caller
    caller = _renamed(caller, _CALLER_1)
    if isinstance(caller.get("requests"), list):
        caller["requests"] = [_request_from_format_1(row) for row in caller["requests"]]
    return caller


def _request_from_format_1(row: t.Any) -> t.Any:
    if not isinstance(row, dict) or not isinstance(row.get("mode"), str):
        return row
    return dict(row, mode=_MODES_1.get(row["mode"], row["mode"]))


def _renamed(values: t.Dict[str, t.Any], names: t.Mapping[str, str]) -> t.Dict[str, t.Any]:
    return {names.get(name, name): value for name, value in values.items()}
