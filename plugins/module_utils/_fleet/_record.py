# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record metadata options before they are changed, and return the recorded options for a restore.

The record is a JSON file that only its owner can read. It is replaced atomically and locked, because several hosts of a play may
record at the same time. Or it is a directory with such a file for each host.

The entries are identified by instance ID. In a directory, the name of a file identifies a host (format 2). Earlier versions replaced
characters in this name, so their files (format 1) may have the entries of several hosts. Such entries are *unassigned*: they
become those of a host when their instance is changed again, or if the caller knows that no other host had the same name of a file.

The files are not trusted: they decide which instances are changed. See ``_record_file`` for what is refused.
"""

import os
import typing as t

from .._common._protocol import Protocol
from ._instance import Instance, Options
from ._record_access import check_writable
from ._record_directory import Earlier, RecordDirectory
from ._record_file import Content, LockedFile, RecordError, new_entry

__all__ = ["Earlier", "Record", "RecordDirectory", "RecordError", "RecordStore", "open_record"]


class RecordStore(Protocol):
    """The interface of a record, which is a file or a directory."""

    path: str

    def check(self) -> None:
        """Raise RecordError if the record cannot be used at all."""

    def conflicts(self, instances: t.Iterable[Instance]) -> t.Dict[str, str]:
        """Return why the options of some of *instances* cannot be recorded, by instance ID."""

    def check_writable(self) -> None:
        """Raise RecordError if the record cannot be written. Changes nothing."""

    def add(self, instances: t.Iterable[Instance], unverified: bool = False) -> None:
        """Record the present options of *instances*, unless they have recorded options already. Mark their entries, if *unverified*."""

    def remove(self, instance_ids: t.Iterable[str]) -> None:
        """Remove the recorded options of these instances."""

    def recorded_options(self) -> t.Dict[str, t.Tuple[str, Options]]:
        """Return region and recorded options by instance ID."""

    def roles(self) -> t.Dict[str, t.Optional[str]]:
        """Return the roles of the accounts by instance ID, None for the account of the credentials."""

    def names(self) -> t.Dict[str, str]:
        """Return the names of files by instance ID."""

    def errors(self) -> t.Dict[str, str]:
        """Return why some files cannot be restored, by their names."""

    def unverified(self) -> t.Dict[str, str]:
        """Return the names of the files with changes that were not verified, by instance ID."""

    def confirm(self) -> t.List[str]:
        """Remove the marks of unverified changes, and return the IDs of their instances."""


class Record:
    """A record in one file. Each instance ID has an entry with region, recorded options, API endpoint and time."""

    def __init__(self, path: str, endpoint: t.Optional[str] = None) -> None:
        self.path = path
        self._endpoint = endpoint
        self._file = LockedFile(path, path + ".lock")  # a separate file, because the record itself is replaced

    def check(self) -> None:
        """Raise RecordError if the file exists and is not a record."""
        self._file.read()

    def conflicts(self, instances: t.Iterable[Instance]) -> t.Dict[str, str]:
        """Return an empty dictionary: all instances can share the file."""
        return {}

    def check_writable(self) -> None:
        """Raise RecordError if the file cannot be replaced."""
        check_writable(os.path.dirname(os.path.abspath(self.path)), create=False)

    def add(self, instances: t.Iterable[Instance], unverified: bool = False) -> None:
        """Record the present options of *instances*, before they are changed.

        An entry of an earlier change stays until it is restored: it has the options before all changes.
        """
        with self._file.changing() as content:
            content.adopt_all()
            for instance in instances:
                if instance.options is not None:
                    content.record(
                        instance.instance_id, new_entry(instance, instance.options, self._endpoint), unverified
                    )

    def remove(self, instance_ids: t.Iterable[str]) -> None:
        """Remove the entries of restored instances. An empty record stays, so that a second restore is not an error."""
        with self._file.changing() as content:
            content.adopt_all()
            for instance_id in instance_ids:
                content.own.pop(instance_id, None)

    def recorded_options(self) -> t.Dict[str, t.Tuple[str, Options]]:
        """Return region and recorded options by instance ID.

        Raises:
            RecordError: The file does not exist, or an entry is of another API endpoint.
        """
        content = self._file.read()
        if content is None:
            raise RecordError("Cannot restore: the record %s does not exist; check 'record'." % self.path)
        entries = {**content.unassigned, **content.own}
        for instance_id, entry in entries.items():
            problem = entry.endpoint_problem(self._endpoint)
            if problem:
                raise RecordError("Cannot restore %s from the record %s: %s" % (instance_id, self.path, problem))
        return {instance_id: (entry.region_id, entry.before) for instance_id, entry in entries.items()}

    def roles(self) -> t.Dict[str, t.Optional[str]]:
        """Return the roles of the accounts by instance ID."""
        content = self._file.read() or Content({}, {})
        return {instance_id: it.role_arn for instance_id, it in {**content.unassigned, **content.own}.items()}

    def names(self) -> t.Dict[str, str]:
        """Return an empty dictionary: instances in one file have no names of files."""
        return {}

    def errors(self) -> t.Dict[str, str]:
        """Return an empty dictionary: an error of the file is an exception."""
        return {}

    def unverified(self) -> t.Dict[str, str]:
        """Return the path of the record for each instance with an unverified change."""
        content = self._file.read() or Content({}, {})
        return {instance_id: self.path for instance_id, entry in content.own.items() if entry.unverified}

    def confirm(self) -> t.List[str]:
        """Remove the marks of unverified changes, and return the IDs of their instances."""
        if not self.unverified():
            return []
        with self._file.changing() as content:
            return content.confirm()


def open_record(
    path: str,
    names: t.Optional[t.Mapping[str, str]] = None,
    only: t.Optional[t.Sequence[str]] = None,
    earlier: t.Optional[t.Mapping[str, Earlier]] = None,
    endpoint: t.Optional[str] = None,
) -> RecordStore:
    """Return the record at *path*. It is a directory if *path* is one or if *names* or *only* is given, else a file.

    Raises:
        ValueError: A name is an invalid file name, or is that of several instances.
    """
    if names is not None or only is not None or os.path.isdir(path):
        return RecordDirectory(path, names or {}, only, earlier, endpoint)
    return Record(path, endpoint)
