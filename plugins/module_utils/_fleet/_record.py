# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record metadata options before they are changed, and return the recorded options for a restore.

The record is a JSON file that only its owner can read. It is replaced atomically and locked, because several hosts of a play may
record at the same time. Or it is a directory with such a file for each instance.
"""

import contextlib
import fcntl
import json
import os
import time
import typing as t

from .._common._atomic import replace_file
from .._common._protocol import Protocol
from .._common._utc import format_utc
from ._instance import Instance, Options

_FORMAT = 1


class RecordError(Exception):
    """The record cannot be read, written or used; the message names the file and the reason."""


class RecordStore(Protocol):
    """The interface of a record, which is a file or a directory."""

    path: str

    def add(self, instances: t.Iterable[Instance]) -> None:
        """Record the present options of *instances*, unless they have recorded options already."""

    def remove(self, instance_ids: t.Iterable[str]) -> None:
        """Remove the recorded options of these instances."""

    def recorded_options(self) -> t.Dict[str, t.Tuple[str, Options]]:
        """Return region and recorded options by instance ID."""

    def names(self) -> t.Dict[str, str]:
        """Return the names of files by instance ID."""


class Record:
    """A record in one file. Each instance ID has an entry with region, recorded options and time."""

    def __init__(self, path: str, lock: t.Optional[str] = None) -> None:
        self.path = path
        self._lock = lock or path + ".lock"  # a separate file, because the record itself is replaced

    def add(self, instances: t.Iterable[Instance]) -> None:
        """Record the present options of *instances*, before they are changed.

        An entry of an earlier change stays until it is restored: it has the options before all changes.
        """
        with self._locked():
            entries = self._read()
            for instance in instances:
                if instance.options is not None:
                    entries.setdefault(instance.instance_id, _entry(instance, instance.options))
            self._write(entries)

    def remove(self, instance_ids: t.Iterable[str]) -> None:
        """Remove the entries of restored instances. An empty record stays, so that a second restore is not an error."""
        with self._locked():
            entries = self._read()
            for instance_id in instance_ids:
                entries.pop(instance_id, None)
            self._write(entries)

    def recorded_options(self) -> t.Dict[str, t.Tuple[str, Options]]:
        """Return region and recorded options by instance ID; raise RecordError if the file does not exist."""
        if not os.path.exists(self.path):
            raise RecordError("Cannot restore: the record %s does not exist; check 'record'." % self.path)
        return {
            instance_id: (entry["region_id"], Options(**entry["before"])) for instance_id, entry in self._read().items()
        }

    def names(self) -> t.Dict[str, str]:
        """Return an empty dictionary: instances in one file have no names of files."""
        return {}

    def delete(self) -> None:
        """Delete the file."""
        with self._locked():
            try:
                os.unlink(self.path)
            except OSError as exc:
                raise RecordError("Cannot delete the record %s: %s." % (self.path, exc.strerror)) from exc

    def _read(self) -> t.Dict[str, t.Dict[str, t.Any]]:
        try:
            with open(self.path, encoding="utf-8") as stream:
                content = json.load(stream)
            if content["format"] != _FORMAT:
                raise RecordError(
                    "Cannot use the record %s: its format is %s, not %d." % (self.path, content["format"], _FORMAT)
                )
            entries: t.Dict[str, t.Dict[str, t.Any]] = content["instances"]
            for entry in entries.values():
                Options(**entry["before"])
                str(entry["region_id"])
            return entries
        except FileNotFoundError:
            return {}
        except OSError as exc:
            raise RecordError("Cannot read the record %s: %s." % (self.path, exc.strerror)) from exc
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise RecordError(
                "%s is not a record of metadata options; move it, or set 'record' to another path." % self.path
            ) from exc

    def _write(self, entries: t.Dict[str, t.Dict[str, t.Any]]) -> None:
        content = json.dumps({"format": _FORMAT, "instances": entries}, indent=2, sort_keys=True)
        try:
            replace_file(self.path, (content + "\n").encode("utf-8"))
        except OSError as exc:
            raise RecordError("Cannot write the record %s: %s." % (self.path, exc.strerror)) from exc

    @contextlib.contextmanager
    def _locked(self) -> t.Iterator[None]:
        try:
            lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as exc:
            raise RecordError("Cannot lock the record %s: %s." % (self.path, exc.strerror)) from exc
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


class RecordDirectory:
    """A record in a directory with a file for each instance: ``NAME.json``, with the name from *names*, else the instance ID.

    A file is deleted when its instance is restored. A directory that does not exist is an empty record. With *only*, files with other
    names are ignored.
    """

    def __init__(self, path: str, names: t.Mapping[str, str], only: t.Optional[t.Sequence[str]] = None) -> None:
        for name in (*names.values(), *(only or ())):
            if not name or name.startswith(".") or "/" in name or "\0" in name:
                raise ValueError("%r in 'record_names' or 'record_only' is an invalid file name." % name)
        self.path = path
        self._names = names
        self._only = only

    def add(self, instances: t.Iterable[Instance]) -> None:
        """Record the present options of *instances*, see ``Record.add``."""
        for instance in instances:
            try:
                os.makedirs(self.path, mode=0o700, exist_ok=True)
            except OSError as exc:
                raise RecordError("Cannot create the directory %s: %s." % (self.path, exc.strerror)) from exc
            self._file(self._names.get(instance.instance_id, instance.instance_id)).add([instance])

    def remove(self, instance_ids: t.Iterable[str]) -> None:
        """Remove the entries of restored instances, and delete the files that are empty then."""
        restored = set(instance_ids)
        for record in self._files():
            if restored & set(record.recorded_options()):
                record.remove(restored)
                if not record.recorded_options():
                    record.delete()

    def recorded_options(self) -> t.Dict[str, t.Tuple[str, Options]]:
        """Return region and recorded options by instance ID, of all files."""
        return {
            instance_id: entry for record in self._files() for instance_id, entry in record.recorded_options().items()
        }

    def names(self) -> t.Dict[str, str]:
        """Return the names of files, without ``.json``, by instance ID."""
        return {
            instance_id: os.path.basename(record.path)[: -len(".json")]
            for record in self._files()
            for instance_id in record.recorded_options()
        }

    def _files(self) -> t.List[Record]:
        try:
            names = sorted(os.listdir(self.path))
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise RecordError("Cannot read the directory %s: %s." % (self.path, exc.strerror)) from exc
        chosen = [name[: -len(".json")] for name in names if name.endswith(".json") and name[0] != "."]
        return [self._file(name) for name in chosen if self._only is None or name in self._only]

    def _file(self, name: str) -> Record:
        # One lock for all files: a lock for each would double the number of files.
        return Record(os.path.join(self.path, name + ".json"), os.path.join(self.path, ".lock"))


def open_record(
    path: str, names: t.Optional[t.Mapping[str, str]] = None, only: t.Optional[t.Sequence[str]] = None
) -> RecordStore:
    """Return the record at *path*. It is a directory if *path* is one or if *names* or *only* is given, else a file.

    Raises:
        ValueError: A name in *names* or *only* is an invalid file name.
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
