# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of what options were before they were changed, so that exactly that can be restored. Private to the collection.

A JSON file, readable by its owner only, replaced atomically and locked against other writers: several hosts of one play
may record at the same time. Or a directory with one such file per instance, which has a name that people know.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
import typing as t

from .._common._atomic import replace_file
from .._common._utc import format_utc
from ._instance import Instance, Options

_FORMAT = 1


class RecordError(Exception):
    """The record file cannot be used; the message names it and says what to do."""


class RecordStore(t.Protocol):
    """The interface of a record, which is a file or a directory."""

    path: str

    def remember(self, instances: t.Iterable[Instance]) -> None: ...

    def forget(self, instance_ids: t.Iterable[str]) -> None: ...

    def wishes(self) -> t.Dict[str, t.Tuple[str, Options]]: ...

    def names(self) -> t.Dict[str, str]: ...


class Record:
    """The record file at *path*. Entries are kept per instance ID: region, options before, time."""

    def __init__(self, path: str, lock: t.Optional[str] = None) -> None:
        self.path = path
        self._lock = lock or path + ".lock"  # a file beside it, since the record itself is replaced

    def remember(self, instances: t.Iterable[Instance]) -> None:
        """Keep the present options of *instances*, before they are changed.

        An older entry of an instance stays: until it is restored, that is its state before all changes.
        """
        with self._locked():
            entries = self._read()
            for instance in instances:
                if instance.options is not None:
                    entries.setdefault(instance.instance_id, _entry(instance, instance.options))
            self._write(entries)

    def forget(self, instance_ids: t.Iterable[str]) -> None:
        """Drop the entries of instances that have been restored. An empty record stays, so that restoring again is no error."""
        with self._locked():
            entries = self._read()
            for instance_id in instance_ids:
                entries.pop(instance_id, None)
            self._write(entries)

    def wishes(self) -> t.Dict[str, t.Tuple[str, Options]]:
        """Instance ID -> (region, options to restore). Raise RecordError where there is no record."""
        if not os.path.exists(self.path):
            raise RecordError("There is no record %s to restore from; check 'record'." % self.path)
        return {
            instance_id: (entry["region_id"], Options(**entry["before"])) for instance_id, entry in self._read().items()
        }

    def names(self) -> t.Dict[str, str]:
        """One file has one name, and none for an instance."""
        return {}

    def remove(self) -> None:
        """Delete the file."""
        with self._locked():
            try:
                os.unlink(self.path)
            except OSError as exc:
                raise RecordError("The record %s cannot be removed: %s." % (self.path, exc.strerror)) from exc

    def _read(self) -> t.Dict[str, t.Dict[str, t.Any]]:
        try:
            with open(self.path, encoding="utf-8") as stream:
                content = json.load(stream)
            if content["format"] != _FORMAT:
                raise RecordError("The record %s has format %s, not %d." % (self.path, content["format"], _FORMAT))
            entries: t.Dict[str, t.Dict[str, t.Any]] = content["instances"]
            for entry in entries.values():
                Options(**entry["before"])
                str(entry["region_id"])
            return entries
        except FileNotFoundError:
            return {}
        except OSError as exc:
            raise RecordError("The record %s cannot be read: %s." % (self.path, exc.strerror)) from exc
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise RecordError("%s is not a record of metadata options; move it away." % self.path) from exc

    def _write(self, entries: t.Dict[str, t.Dict[str, t.Any]]) -> None:
        content = json.dumps({"format": _FORMAT, "instances": entries}, indent=2, sort_keys=True)
        try:
            replace_file(self.path, (content + "\n").encode("utf-8"))
        except OSError as exc:
            raise RecordError("The record %s cannot be written: %s." % (self.path, exc.strerror)) from exc

    @contextlib.contextmanager
    def _locked(self) -> t.Iterator[None]:
        try:
            lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as exc:
            raise RecordError("The record %s cannot be locked: %s." % (self.path, exc.strerror)) from exc
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


class RecordDirectory:
    """A directory with a record of its own for each instance: ``NAME.json``, where *names* gives the name, else its ID.

    A file goes when its entry is restored; a directory that is not there holds nothing.
    """

    def __init__(self, path: str, names: t.Mapping[str, str], only: t.Optional[t.Sequence[str]] = None) -> None:
        for name in (*names.values(), *(only or ())):
            if not name or name.startswith(".") or "/" in name or "\0" in name:
                raise ValueError("%r in 'record_names' or 'record_only' cannot be the name of a file." % name)
        self.path = path
        self._names = names
        self._only = only

    def remember(self, instances: t.Iterable[Instance]) -> None:
        """As `Record.remember`."""
        for instance in instances:
            try:
                os.makedirs(self.path, mode=0o700, exist_ok=True)
            except OSError as exc:
                raise RecordError("The directory %s cannot be made: %s." % (self.path, exc.strerror)) from exc
            self._file(self._names.get(instance.instance_id, instance.instance_id)).remember([instance])

    def forget(self, instance_ids: t.Iterable[str]) -> None:
        """As `Record.forget`; a record that is empty then is removed."""
        gone = set(instance_ids)
        for record in self._files():
            if gone & set(record.wishes()):
                record.forget(gone)
                if not record.wishes():
                    record.remove()

    def wishes(self) -> t.Dict[str, t.Tuple[str, Options]]:
        """As `Record.wishes`, of all files together."""
        return {instance_id: wish for record in self._files() for instance_id, wish in record.wishes().items()}

    def names(self) -> t.Dict[str, str]:
        """Instance ID -> the name of its file, for all that are recorded."""
        return {
            instance_id: os.path.basename(record.path)[: -len(".json")]
            for record in self._files()
            for instance_id in record.wishes()
        }

    def _files(self) -> t.List[Record]:
        try:
            names = sorted(os.listdir(self.path))
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise RecordError("The directory %s cannot be read: %s." % (self.path, exc.strerror)) from exc
        chosen = [name[: -len(".json")] for name in names if name.endswith(".json") and name[0] != "."]
        return [self._file(name) for name in chosen if self._only is None or name in self._only]

    def _file(self, name: str) -> Record:
        # one lock for all: beside the records would be twice as many files as instances
        return Record(os.path.join(self.path, name + ".json"), os.path.join(self.path, ".lock"))


def open_record(
    path: str, names: t.Optional[t.Mapping[str, str]] = None, only: t.Optional[t.Sequence[str]] = None
) -> RecordStore:
    """The record at *path*: a directory where there is one, or *names* of files or *only* some files are given; else a file.

    Raise ValueError for a name that is none.
    """
    if names is not None or only is not None or os.path.isdir(path):
        return RecordDirectory(path, names or {}, only)
    return Record(path)


def _entry(instance: Instance, options: Options) -> t.Dict[str, t.Any]:
    return {
        "region_id": instance.region_id,
        "before": options.as_dict(),
        "recorded_at": format_utc(time.time()),
    }
