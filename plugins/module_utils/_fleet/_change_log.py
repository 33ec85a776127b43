# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Append each change to a log beside the record: JSON lines, one before the first request of a change and one after the last.

Each line is one write to a file that is open for appending, and is synchronized to disk. The file is locked meanwhile, because
several controllers may share the directory. If a process or machine stopped in the middle of a line, the next line begins on a line
of its own, so that readers only have to skip lines that are not JSON.
"""

import fcntl
import json
import os
import pwd
import stat
import threading
import time
import typing as t

from .._common._text import one_line
from .._common._utc import format_utc
from .._openapi._errors import ApiError
from ._record_file import RecordError, check_owner

NAME = "changes.jsonl"
FORMAT = 1
SENDING, ACCEPTED, FAILED, UNKNOWN = "sending", "accepted", "failed", "unknown"
_OPEN = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_LONGEST = 400
Values = t.Mapping[str, t.Any]


class Item(t.NamedTuple):
    """A change: the kind and ID of the item, its region, the role of its account (or None), and its values before and after."""

    kind: str
    item_id: str
    region_id: str
    role_arn: t.Optional[str]
    before: t.Optional[Values]
    after: Values


class ChangeLog:
    """The log in the file *path*. *state* is the option of the task: present or restored. Thread-safe.

    ``problem`` is a warning about lines with an outcome that could not be written, or None.
    """

    def __init__(self, path: str, state: str, clock: t.Callable[[], float] = time.time) -> None:
        self.path = path
        self.problem: t.Optional[str] = None
        self._clock = clock
        self._lock = threading.Lock()
        self._descriptor: t.Optional[int] = None
        # Lines of one task have the same run: it joins both lines of a change.
        self._common = {"run": os.urandom(8).hex(), "state": state, "user": _user(), "host": os.uname().nodename}

    def check(self) -> None:
        """Raise RecordError if the file exists and cannot be used. Creates nothing."""
        if os.path.lexists(self.path):
            os.close(self._open())

    def write(
        self, item: Item, outcome: str, request_id: t.Optional[str] = None, error: t.Optional[str] = None
    ) -> None:
        """Append a line; raise RecordError if this fails."""
        line = {
            "format": FORMAT,
            "time": format_utc(self._clock()),
            **self._common,
            "kind": item.kind,
            "id": one_line(item.item_id, _LONGEST),
            "region_id": one_line(item.region_id, _LONGEST),
            "role_arn": item.role_arn,
            "before": None if item.before is None else dict(item.before),
            "after": dict(item.after),
            "outcome": outcome,
            "request_id": one_line(request_id, _LONGEST) if request_id else None,
            "error": one_line(error, _LONGEST) if error else None,
        }
        data = json.dumps(line, sort_keys=True).encode("ascii") + b"\n"
        try:
            os.fsync(self._append(data))  # without the lock: the threads wait for the disk together
        except OSError as exc:
            raise RecordError("Cannot write the change log %s: %s." % (self.path, exc.strerror)) from exc

    def write_outcome(
        self, item: Item, outcome: str, request_id: t.Optional[str], error: t.Optional[str] = None
    ) -> None:
        """Append a line after a request. If this fails, set ``problem``."""
        try:
            self.write(item, outcome, request_id, error)
        except RecordError as exc:
            self.problem = "Some outcomes are missing in the change log. %s" % exc

    def _append(self, data: bytes) -> int:
        with self._lock:
            if self._descriptor is None:
                os.makedirs(os.path.dirname(os.path.abspath(self.path)), mode=0o700, exist_ok=True)
                self._descriptor = self._open(os.O_CREAT)
            descriptor = self._descriptor
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                end = os.fstat(descriptor).st_size
                torn = end and os.pread(descriptor, 1, end - 1) != b"\n"
                line = b"\n" + data if torn else data
                if os.write(descriptor, line) != len(line):
                    raise RecordError("Cannot write the change log %s: the line is incomplete." % self.path)
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        return descriptor

    def _open(self, flags: int = 0) -> int:
        try:
            descriptor = os.open(self.path, _OPEN | flags, 0o600)
        except OSError as exc:
            reason = "it is a link" if os.path.islink(self.path) else exc.strerror
            raise RecordError("Cannot write the change log %s: %s." % (self.path, reason)) from exc
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
                raise RecordError("Cannot use the change log %s: it is not a regular file with one name." % self.path)
            if found.st_mode & 0o022:
                raise RecordError("Cannot use the change log %s: others can write it. Run chmod go-w." % self.path)
            check_owner(self.path, found)
        except RecordError:
            os.close(descriptor)
            raise
        return descriptor


def is_unknown(error: ApiError) -> bool:
    """Return whether it is unknown if the request that failed took effect."""
    return error.sent and error.kind in ("transient", "unexpected")


def logged(log: t.Optional[ChangeLog], item: Item, send: t.Callable[[], t.Optional[str]]) -> None:
    """Call *send*, which returns a RequestId, and write lines before and after it to *log*, if there is one.

    If the outcome cannot be written, the line before it stays, and the log has the ``problem``.

    Raises:
        ApiError: That of *send*.
        RecordError: The line before it cannot be written. Nothing was sent.
    """
    if log is None:
        send()
        return
    log.write(item, SENDING)
    try:
        request_id = send()
    except ApiError as exc:
        log.write_outcome(item, UNKNOWN if is_unknown(exc) else FAILED, exc.request_id, str(exc))
        raise
    log.write_outcome(item, ACCEPTED, request_id)


def open_log(record: str, is_directory: bool, state: str) -> ChangeLog:
    """Return the log beside *record*: in a directory, or with a name that begins with that of the file.

    Raises:
        RecordError: The log or its directory exists and cannot be used.
    """
    if is_directory and os.path.exists(record):
        check_owner(record, os.stat(record))
    log = ChangeLog(os.path.join(record, NAME) if is_directory else "%s.%s" % (record, NAME), state)
    log.check()
    return log


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
