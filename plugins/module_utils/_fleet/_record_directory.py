# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A record of metadata options in a directory with a file for each host; see ``_record``."""

import os
import typing as t

from ._instance import Instance, Options
from ._record_access import check_writable
from ._record_file import Content, Entry, LockedFile, RecordError, check_owner, new_entry

_SUFFIX = ".json"
_SHOWN = 5


class Earlier(t.NamedTuple):
    """The file of an earlier version: its name, and which unassigned entries are those of the host (all, if None)."""

    name: str
    instance_ids: t.Optional[t.Sequence[str]] = None


class RecordDirectory:
    """A record in a directory with a file for each host: ``NAME.json``, with the name from *names*, else the instance ID.

    A file is deleted when its instances are restored. A directory that does not exist is an empty record. With *only*, files with other
    names are ignored. *earlier* has the file of an earlier version for some names in *only*.
    """

    def __init__(
        self,
        path: str,
        names: t.Mapping[str, str],
        only: t.Optional[t.Sequence[str]] = None,
        earlier: t.Optional[t.Mapping[str, Earlier]] = None,
        endpoint: t.Optional[str] = None,
    ) -> None:
        earlier = earlier or {}
        for name in (*names.values(), *(only or ()), *(it.name for it in earlier.values())):
            if not name or name.startswith(".") or "/" in name or "\0" in name:
                raise ValueError(
                    "%r in 'record_names', 'record_only' or 'record_earlier' is an invalid file name." % name
                )
        shared = _shared(names)
        if shared:
            raise ValueError(
                "Several instances in 'record_names' would share a file: %s. Each instance needs a name of its own."
                % shared
            )
        self.path = path
        self._names = names
        self._only = only
        self._earlier = earlier
        self._endpoint = endpoint

    def check(self) -> None:
        """Raise RecordError if the directory cannot be used."""
        self._file_names()

    def conflicts(self, instances: t.Iterable[Instance]) -> t.Dict[str, str]:
        """Return why the options of some of *instances* cannot be recorded, by instance ID."""
        contents, problems = self._contents(None)
        holders = {instance_id: name for name, it in contents.items() for instance_id in it.own}
        found = {}
        for instance in instances:
            name = self._name(instance)
            holder = holders.get(instance.instance_id, name)
            if name in problems:
                found[instance.instance_id] = problems[name]
            elif holder != name:
                found[instance.instance_id] = (
                    "The record %s has the options of this instance already, for another host. Undo that host,"
                    " or rename the file to %s.json if the host was renamed." % (self._path(holder), name)
                )
        return found

    def check_writable(self) -> None:
        """Raise RecordError if files cannot be created in the directory, or the directory itself cannot."""
        check_writable(os.path.abspath(self.path), create=True)

    def add(self, instances: t.Iterable[Instance], unverified: bool = False) -> None:
        """Record the present options of *instances*, see ``Record.add``. An unassigned entry becomes that of its instance."""
        instances = list(instances)
        if not instances:
            return
        try:
            os.makedirs(self.path, mode=0o700, exist_ok=True)
        except OSError as exc:
            raise RecordError("Cannot create the directory %s: %s." % (self.path, exc.strerror)) from exc
        contents, _problems = self._contents(None)
        unassigned = {key: name for name, it in contents.items() for key in it.unassigned}
        for instance in instances:
            source = unassigned.get(instance.instance_id)
            before = contents[source].unassigned[instance.instance_id] if source is not None else None
            if before is None and instance.options is not None:
                before = new_entry(instance, instance.options, self._endpoint)
            with self._file(self._name(instance)).changing() as content:
                if before is not None:
                    content.record(instance.instance_id, before, unverified)
            if source is not None:
                self._drop(source, unassigned=[instance.instance_id])

    def remove(self, instance_ids: t.Iterable[str]) -> None:
        """Remove the entries of restored instances, and delete the files that are empty then."""
        restored = set(instance_ids)
        for instance_id, (_name, source, _entry) in self._chosen()[0].items():
            if instance_id in restored:
                self._drop(source, own=[instance_id], unassigned=[instance_id])

    def recorded_options(self) -> t.Dict[str, t.Tuple[str, Options]]:
        """Return region and recorded options by instance ID, of all files or those of ``only``.

        Raises:
            RecordError: The directory cannot be used or, without ``only``, one of its files.
        """
        chosen, errors = self._chosen()
        if errors and self._only is None:
            raise RecordError(" ".join(errors.values()))
        return {instance_id: (entry.region_id, entry.before) for instance_id, (_name, _source, entry) in chosen.items()}

    def roles(self) -> t.Dict[str, t.Optional[str]]:
        """Return the roles of the accounts by instance ID."""
        return {instance_id: entry.role_arn for instance_id, (_name, _source, entry) in self._chosen()[0].items()}

    def names(self) -> t.Dict[str, str]:
        """Return the names of files, without ``.json``, by instance ID."""
        return {instance_id: name for instance_id, (name, _source, _entry) in self._chosen()[0].items()}

    def errors(self) -> t.Dict[str, str]:
        """Return why some of the files in ``only`` cannot be restored, by their names."""
        return self._chosen()[1] if self._only is not None else {}

    def unverified(self) -> t.Dict[str, str]:
        """Return the names of the files with unverified changes by instance ID; files that cannot be read are ignored."""
        contents, _problems = self._contents(None)
        return {key: name for name, it in contents.items() for key, entry in it.own.items() if entry.unverified}

    def confirm(self) -> t.List[str]:
        """Remove the marks of unverified changes in the files of ``only`` (or all), and return the IDs of their instances."""
        confirmed: t.List[str] = []
        for name in sorted(set(self.unverified().values())):
            if self._only is None or name in self._only:
                with self._file(name).changing() as content:
                    confirmed += content.confirm()
        return confirmed

    def _chosen(self) -> t.Tuple[t.Dict[str, t.Tuple[str, str, Entry]], t.Dict[str, str]]:
        """Return name, file and entry by instance ID, and errors by name."""
        wanted = (
            None if self._only is None else {it for name in self._only for it in (name, self._earlier_of(name).name)}
        )
        contents, problems = self._contents(wanted)
        chosen: t.Dict[str, t.Tuple[str, str, Entry]] = {}
        errors: t.Dict[str, str] = {}
        for name in sorted({*contents, *problems}) if self._only is None else self._only:
            own, problem = self._own(name, contents, problems)
            for instance_id, (source, entry) in own.items():
                other = entry.endpoint_problem(self._endpoint)
                if other:
                    problem = "Cannot restore %s from the record %s: %s" % (instance_id, self._path(source), other)
                else:
                    chosen.setdefault(instance_id, (name, source, entry))
            if problem:
                errors[name] = problem
        return chosen, errors

    def _own(
        self, name: str, contents: t.Mapping[str, Content], problems: t.Mapping[str, str]
    ) -> t.Tuple[t.Dict[str, t.Tuple[str, Entry]], t.Optional[str]]:
        """Return file and entry of the host *name* by instance ID, and the problem of its files."""
        earlier = self._earlier_of(name)
        own = {key: (name, entry) for key, entry in contents[name].own.items()} if name in contents else {}
        problem = problems.get(name) or problems.get(earlier.name)
        others = contents[earlier.name].unassigned if earlier.name in contents else {}
        taken = {
            key: (earlier.name, entry)
            for key, entry in others.items()
            if earlier.instance_ids is None or key in earlier.instance_ids
        }
        if others and not taken and not own and not earlier.instance_ids:
            problem = (
                "The record %s of an earlier version has entries of %s, which may belong to other hosts with a similar name."
                " Set the ID of the instance of this host in 'record_earlier', in the role by hardening_instance_id."
                % (self._path(earlier.name), ", ".join(sorted(others)[:_SHOWN]))
            )
        return {**taken, **own}, problem

    def _earlier_of(self, name: str) -> Earlier:
        return self._earlier.get(name, Earlier(name))

    def _contents(self, wanted: t.Optional[t.Set[str]]) -> t.Tuple[t.Dict[str, Content], t.Dict[str, str]]:
        """Return the content of the files by name, and why others cannot be used."""
        contents, problems = {}, {}
        for name in self._file_names():
            if wanted is not None and name not in wanted:
                continue
            try:
                content = self._file(name).read()
            except RecordError as exc:
                problems[name] = str(exc)
                continue
            if content is not None:
                contents[name] = content
        return contents, problems

    def _drop(self, name: str, own: t.Sequence[str] = (), unassigned: t.Sequence[str] = ()) -> None:
        with self._file(name).changing() as content:
            for instance_id in own:
                content.own.pop(instance_id, None)
            for instance_id in unassigned:
                content.unassigned.pop(instance_id, None)
        self._file(name).delete_if_empty()

    def _file_names(self) -> t.List[str]:
        """Return the names of the files, without ``.json``."""
        try:
            check_owner(self.path, os.stat(self.path))
            names = sorted(os.listdir(self.path))
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise RecordError("Cannot read the directory %s: %s." % (self.path, exc.strerror)) from exc
        return [name[: -len(_SUFFIX)] for name in names if name.endswith(_SUFFIX) and name[0] != "."]

    def _name(self, instance: Instance) -> str:
        return self._names.get(instance.instance_id, instance.instance_id)

    def _path(self, name: str) -> str:
        return os.path.join(self.path, name + _SUFFIX)

    def _file(self, name: str) -> LockedFile:
        # One lock for all files: a lock for each would double the number of files.
        return LockedFile(self._path(name), os.path.join(self.path, ".lock"))


def _shared(names: t.Mapping[str, str]) -> str:
    """Return the instances whose names are equal in a file system that ignores case, or an empty string."""
    by_name: t.Dict[str, t.List[str]] = {}
    for instance_id, name in names.items():
        by_name.setdefault(name.lower(), []).append(instance_id)
    return "; ".join(", ".join(sorted(ids)[:_SHOWN]) for ids in by_name.values() if len(ids) > 1)
