# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read, validate and change one file of the record.

Refused are files of other users, links, files that others can write, what is no regular file, files that are too large, and
content that this collection does not write: other formats, unknown options, invalid IDs, deep JSON.
"""

import contextlib
import fcntl
import json
import os
import stat
import time
import typing as t

from .._common._atomic import replace_file
from .._common._utc import format_utc
from ._accounts import is_role_arn
from ._instance import Instance, Options
from ._select import is_instance_id, is_region_id

FORMAT = 2
_FORMATS = (1, FORMAT)
_LARGEST = 32 * 1024 * 1024  # bytes; an entry has 300, and an account at most some ten thousand instances
_VALUES = Options(("enabled", "disabled"), ("optional", "required"), ("enabled", "disabled"))  # type: ignore[arg-type]
_VENDOR = ".aliyuncs.com"


class RecordError(Exception):
    """The record cannot be read, written or used; the message names the file and the reason."""


class Entry(t.NamedTuple):
    """An entry. Entries of earlier versions have no endpoint: ``has_endpoint`` is false. None is the vendor's own endpoint.

    A change is ``unverified`` until the caller has verified its effect on the host. If it stays so, the run was interrupted.
    """

    region_id: str
    before: Options
    recorded_at: str
    has_endpoint: bool = False
    endpoint: t.Optional[str] = None
    unverified: bool = False
    role_arn: t.Optional[str] = None

    def as_dict(self) -> t.Dict[str, t.Any]:
        """Return the entry as it is in the file."""
        entry: t.Dict[str, t.Any] = {
            "region_id": self.region_id,
            "before": self.before.as_dict(),
            "recorded_at": self.recorded_at,
        }
        if self.has_endpoint:
            entry["api_endpoint"] = self.endpoint
        if self.role_arn is not None:
            entry["role_arn"] = self.role_arn
        return {**entry, "unverified": True} if self.unverified else entry

    def endpoint_problem(self, endpoint: t.Optional[str]) -> t.Optional[str]:
        """Return why the entry cannot be restored through *endpoint*, or None."""
        if not self.has_endpoint or self.endpoint == endpoint:
            return None
        shown = tuple(it or "an endpoint of Alibaba Cloud" for it in (self.endpoint, endpoint))
        return "it was recorded through %s, but 'api_endpoint' is %s." % shown


class Content(t.NamedTuple):
    """The entries of a file by instance ID. It is unknown to which host ``unassigned`` entries belong."""

    own: t.Dict[str, Entry]
    unassigned: t.Dict[str, Entry]

    def adopt_all(self) -> None:
        """Make all entries own entries, in a record that is one file."""
        for instance_id in list(self.unassigned):
            self.own.setdefault(instance_id, self.unassigned.pop(instance_id))

    def record(self, instance_id: str, entry: Entry, unverified: bool) -> None:
        """Add *entry*, unless the instance has one: it has the options before all changes."""
        kept = self.own.setdefault(instance_id, entry)
        if unverified:
            self.own[instance_id] = kept._replace(unverified=True)

    def confirm(self) -> t.List[str]:
        """Remove the marks of unverified changes, and return the IDs of their instances."""
        marked = [instance_id for instance_id, entry in self.own.items() if entry.unverified]
        for instance_id in marked:
            self.own[instance_id] = self.own[instance_id]._replace(unverified=False)
        return marked


def normalized_endpoint(url: t.Optional[str]) -> t.Optional[str]:
    """Return the URL of an API without a final slash, or None for the endpoints of Alibaba Cloud, which all lead to the same instances."""
    host = (url or "").partition("://")[2].partition("/")[0].partition(":")[0].lower()
    return None if not url or host.endswith(_VENDOR) else url.rstrip("/")


def check_owner(path: str, found: os.stat_result) -> None:
    """Raise RecordError if a file or directory belongs to another user, or if others can write it."""
    if found.st_uid not in (0, os.geteuid()):
        raise RecordError(
            "Cannot use the record %s: it belongs to the user with ID %d. Choose another path." % (path, found.st_uid)
        )
    if found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX:
        # In a directory, they could give the file of one host the name of another host's file.
        who = "all users" if found.st_mode & 0o002 else "the group with ID %d" % found.st_gid
        raise RecordError("Cannot use the record %s: %s can write it. Run chmod go-w." % (path, who))


def read_file(path: str) -> t.Optional[bytes]:
    """Return the content of a record file, or None if it does not exist. Never blocks.

    Raises:
        RecordError: It cannot be read, or must not be trusted.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as exc:
        reason = "it is a link" if os.path.islink(path) else exc.strerror
        raise RecordError("Cannot read the record %s: %s." % (path, reason)) from exc
    try:
        _check_file(path, os.fstat(descriptor))
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            data = stream.read(_LARGEST + 1)
    finally:
        os.close(descriptor)
    if len(data) > _LARGEST:
        raise RecordError("Cannot use the record %s: it is larger than %d MiB." % (path, _LARGEST >> 20))
    return data


def _check_file(path: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise RecordError("Cannot read the record %s: it is not a regular file." % path)
    if found.st_nlink > 1:
        raise RecordError("Cannot use the record %s: it is a link, with %d names." % (path, found.st_nlink))
    if found.st_mode & 0o022:
        raise RecordError("Cannot use the record %s: other users can write it. Run chmod go-w." % path)
    check_owner(path, found)


def parse(path: str, data: bytes) -> Content:
    """Parse the content of a file; raise RecordError if it is not a record."""
    try:
        content = json.loads(data.decode("utf-8"))
        written = content["format"]
        if written not in _FORMATS or isinstance(written, bool):
            raise RecordError("Cannot use the record %s: its format is %s, not 1 or 2." % (path, str(written)[:20]))
        own, unassigned = _entries(content["instances"]), _entries(content.get("unassigned", {}))
    except RecordError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise RecordError(
            "%s is not a record of metadata options; move it, or set 'record' to another path." % path
        ) from exc
    return Content(own, unassigned) if written == FORMAT else Content({}, own)


def _entries(raw: t.Any) -> t.Dict[str, Entry]:
    entries = {}
    for instance_id, value in raw.items():
        before = Options(**value["before"])
        role_arn = value.get("role_arn")
        if not (is_instance_id(instance_id) and is_region_id(value["region_id"])) or not (
            role_arn is None or is_role_arn(role_arn)
        ):
            raise ValueError("an ID is invalid")
        if any(it is not None and it not in known for it, known in zip(before, _VALUES)):  # type: ignore[operator]
            raise ValueError("an option has an unknown value")
        endpoint = value.get("api_endpoint")
        if endpoint is not None and not isinstance(endpoint, str):
            raise ValueError("the endpoint is not text")
        recorded_at, unverified = str(value.get("recorded_at", "")), value.get("unverified") is True
        entries[instance_id] = Entry(
            value["region_id"], before, recorded_at, "api_endpoint" in value, endpoint, unverified, role_arn
        )
    return entries


def new_entry(instance: Instance, options: Options, endpoint: t.Optional[str]) -> Entry:
    """Return the entry of an instance with these options."""
    return Entry(instance.region_id, options, format_utc(time.time()), True, endpoint, role_arn=instance.role_arn)


class LockedFile:
    """A file with entries, which is locked while it is changed."""

    def __init__(self, path: str, lock: str) -> None:
        self.path = path
        self._lock = lock

    def read(self) -> t.Optional[Content]:
        """Return the content, or None if the file does not exist."""
        data = read_file(self.path)
        return None if data is None else parse(self.path, data)

    @contextlib.contextmanager
    def changing(self) -> t.Iterator[Content]:
        """Lock the file and yield its content, which is written at the end of the ``with`` statement."""
        with _locked(self._lock, self.path):
            content = self.read() or Content({}, {})
            yield content
            self._write(content)

    def delete_if_empty(self) -> None:
        """Delete the file if it has no entries."""
        with _locked(self._lock, self.path):
            content = self.read()
            if content is None or content.own or content.unassigned:
                return
            try:
                os.unlink(self.path)
            except OSError as exc:
                raise RecordError("Cannot delete the record %s: %s." % (self.path, exc.strerror)) from exc

    def _write(self, content: Content) -> None:
        document: t.Dict[str, t.Any] = {
            "format": FORMAT,
            "instances": {key: it.as_dict() for key, it in content.own.items()},
        }
        if content.unassigned:
            document["unassigned"] = {key: it.as_dict() for key, it in content.unassigned.items()}
        text = json.dumps(document, indent=2, sort_keys=True)
        try:
            replace_file(self.path, (text + "\n").encode("utf-8"))
        except OSError as exc:
            raise RecordError("Cannot write the record %s: %s." % (self.path, exc.strerror)) from exc


@contextlib.contextmanager
def _locked(lock: str, path: str) -> t.Iterator[None]:
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise RecordError(
            "Cannot lock the record %s: %s. Set 'record' to a path that you can write to." % (path, exc.strerror)
        ) from exc
    try:
        found = os.fstat(descriptor)
        check_owner(lock, found)  # another user could hold the lock forever
        if not stat.S_ISREG(found.st_mode):
            raise RecordError("Cannot lock the record %s: %s is not a regular file. Remove it." % (path, lock))
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
