# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of what options were before they were changed, so that exactly that can be restored. Private to the collection.

A JSON file, readable by its owner only, replaced atomically and locked against other writers: several hosts of one play
may record at the same time.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import time
import typing as t

from ._instance import Instance, Options

_FORMAT = 1


class RecordError(Exception):
    """The record file cannot be used; the message names it and says what to do."""


class Record:
    """The record file at *path*. Entries are kept per instance ID: region, options before, time."""

    def __init__(self, path: str) -> None:
        self.path = path

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
            handle, temporary = tempfile.mkstemp(dir=os.path.dirname(self.path) or ".", prefix=".record-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as stream:  # mkstemp made it 0600
                    stream.write(content + "\n")
                    stream.flush()
                    os.fsync(stream.fileno())
                os.replace(temporary, self.path)
            except BaseException:
                os.unlink(temporary)
                raise
        except OSError as exc:
            raise RecordError("The record %s cannot be written: %s." % (self.path, exc.strerror)) from exc

    @contextlib.contextmanager
    def _locked(self) -> t.Iterator[None]:
        # a file beside it, since the record itself is replaced
        try:
            lock = os.open(self.path + ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as exc:
            raise RecordError("The record %s cannot be locked: %s." % (self.path, exc.strerror)) from exc
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _entry(instance: Instance, options: Options) -> t.Dict[str, t.Any]:
    return {
        "region_id": instance.region_id,
        "before": options.as_dict(),
        "recorded_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
