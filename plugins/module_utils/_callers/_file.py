# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where are the records, and how are they read? This module util is private to the collection.

``callers.json`` in the state directory, readable by root only, replaced as a whole::

    {"format": 1,
     "status": {"pid": 1, "running_since": 1764018387, "updated": 1764018390, "found_by": "connect", "dropped": 0,
                "forgotten": 0, "problems": []},
     "periods": [[1764000000, 1764010000], [1764018387, 1764018390]],
     "callers": [...], "other": {...}}

``callers`` and ``other`` are explained in `_watch/_records.py`. ``periods`` are the times of watching, oldest first; the last
one ends when the file was written. ``found_by`` is the best way to find a caller that this kernel allows. A running
watch holds a lock on ``lock`` in the same directory.
"""

from __future__ import annotations

import fcntl
import json
import os
import typing as t

FILE, LOCK = "callers.json", "lock"
FORMAT = 1
LARGEST = 4 << 20


class Content(t.NamedTuple):
    """What the file holds."""

    status: t.Dict[str, t.Any]
    periods: t.List[t.List[int]]
    callers: t.List[t.Dict[str, t.Any]]
    other: t.Dict[str, t.Any]


class NotReadable(Exception):
    """The records cannot be read; the text names the file and says why."""


def path_of(directory: str) -> str:
    """The file of records."""
    return os.path.join(directory, FILE)


def read(directory: str) -> t.Optional[Content]:
    """The records; None if there are none; raise NotReadable."""
    path = path_of(directory)
    try:
        with open(path, "rb") as stream:
            text = stream.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise NotReadable("%s cannot be read: %s. Only root may." % (path, exc.strerror)) from None
    try:
        content = json.loads(text.decode("utf-8"))
        if len(text) > LARGEST or content["format"] != FORMAT:
            raise ValueError("a format of another version")
        return Content(*(_typed(content, name, kind) for name, kind in _TYPES.items()))
    except (ValueError, KeyError, TypeError, RecursionError):
        reason = "it is not what this version of the watch writes. Stop the watch, remove the file, start it again"
        raise NotReadable("%s cannot be understood: %s." % (path, reason)) from None


_TYPES = {"status": dict, "periods": list, "callers": list, "other": dict}


def _typed(content: t.Dict[str, t.Any], name: str, kind: type) -> t.Any:
    if not isinstance(content[name], kind):
        raise ValueError(name)
    return content[name]


def is_running(directory: str) -> bool:
    """Does a watch hold the lock?"""
    try:
        with open(os.path.join(directory, LOCK), "rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
    except OSError:
        pass
    return False
