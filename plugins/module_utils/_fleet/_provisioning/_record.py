# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record items before they are changed: former default versions of launch templates, and options of scaling configurations.

Each kind has a directory in the directory of the records of instances, which ignore it. The files are not trusted: they
decide which items are changed. For what is refused, see ``_fleet._record_file``.
"""

import json
import os
import re
import time
import typing as t

from ..._common._atomic import replace_file
from ..._common._utc import format_utc
from .._record_file import RecordError, check_owner, normalized_endpoint, read_file
from .._select import is_region_id
from ._in_place import Change
from ._template import Template, TemplateOptions

_TEMPLATE_ID = re.compile(r"lt-[0-9A-Za-z]{1,64}\Z")
_CONFIGURATION_ID = re.compile(r"asc-[0-9A-Za-z]{1,64}\Z")
_SUFFIX, _FORMAT = ".json", 1
Values = t.Dict[str, t.Any]


def is_template_id(text: t.Any) -> bool:
    """Return whether *text* has the form of the ID of a launch template."""
    return isinstance(text, str) and bool(_TEMPLATE_ID.match(text))


def is_configuration_id(text: t.Any) -> bool:
    """Return whether *text* has the form of the ID of a scaling configuration."""
    return isinstance(text, str) and bool(_CONFIGURATION_ID.match(text))


class Entry(t.NamedTuple):
    """The region of an item and its recorded values."""

    region_id: str
    values: Values


class Kind(t.NamedTuple):
    """What is recorded: a kind of item, its directory, its key in the files, the option with the URL of its API, and valid values."""

    what: str
    folder: str
    key: str
    option: str
    is_id: t.Callable[[t.Any], bool]
    values: t.Mapping[str, t.Callable[[t.Any], bool]]


def _is_version(value: t.Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


TEMPLATES = Kind(
    "launch template",
    "launch_templates",
    "launch_template_id",
    "api_endpoint",
    is_template_id,
    {"default_version": _is_version},
)
CONFIGURATIONS = Kind(
    "scaling configuration",
    "scaling_configurations",
    "scaling_configuration_id",
    "ess_endpoint",
    is_configuration_id,
    {"http_endpoint": ("enabled", "disabled").__contains__, "http_tokens": ("optional", "required").__contains__},
)


class ItemRecord:
    """The record of one kind of item in the directory *path*, for the items behind *endpoint*."""

    def __init__(self, path: str, endpoint: t.Optional[str], kind: Kind) -> None:
        self.path = path
        self._kind = kind
        self._folder = os.path.join(path, kind.folder)
        self._endpoint = normalized_endpoint(endpoint)

    def check(self) -> None:
        """Raise RecordError if the directory cannot be used."""
        for folder in (self.path, self._folder):
            try:
                found = os.lstat(folder) if folder == self._folder else os.stat(folder)
            except FileNotFoundError:
                return
            except OSError as exc:
                raise RecordError("Cannot read the record %s: %s." % (folder, exc.strerror)) from exc
            check_owner(folder, found)
            if not os.path.isdir(folder) or os.path.islink(self._folder):
                raise RecordError("Cannot use the record %s: it is not a directory. Choose another path." % folder)

    def add_values(self, item_id: str, region_id: str, values: Values) -> None:
        """Record the present values, unless an earlier change recorded some that are not restored yet."""
        self.check()
        if self._read(item_id) is not None:
            return
        content = {
            "format": _FORMAT,
            self._kind.key: item_id,
            "region_id": region_id,
            **values,
            "api_endpoint": self._endpoint,
            "recorded_at": format_utc(time.time()),
        }
        path = self._path(item_id)
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            replace_file(path, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode("utf-8"))
        except OSError as exc:
            raise RecordError("Cannot write the record %s: %s." % (path, exc.strerror)) from exc

    def remove(self, item_id: str) -> None:
        """Remove the entry of a restored item."""
        path = self._path(item_id)
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as exc:
            raise RecordError("Cannot delete the record %s: %s." % (path, exc.strerror)) from exc

    def entries(self) -> t.Dict[str, Entry]:
        """Return the entries by ID; raise RecordError if the directory or a file cannot be used."""
        self.check()
        try:
            names = sorted(os.listdir(self._folder))
        except FileNotFoundError:
            return {}
        except OSError as exc:
            raise RecordError("Cannot read the directory %s: %s." % (self._folder, exc.strerror)) from exc
        ids = [name[: -len(_SUFFIX)] for name in names if name.endswith(_SUFFIX) and name[0] != "."]
        found = {it: self._read(it) for it in ids}
        return {it: entry for it, entry in found.items() if entry is not None}

    def _read(self, item_id: str) -> t.Optional[Entry]:
        path = self._path(item_id)
        data = read_file(path)
        if data is None:
            return None
        try:
            content = json.loads(data.decode("utf-8"))
            region = content["region_id"]
            values = {name: content[name] for name in self._kind.values}
            same = content["format"] == _FORMAT and content[self._kind.key] == item_id
            valid = all(check(values[name]) for name, check in self._kind.values.items())
            if not (same and valid and is_region_id(region)):
                raise ValueError("a value is invalid")
            endpoint = content["api_endpoint"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
            raise RecordError("%s is not a record of a %s; move it." % (path, self._kind.what)) from exc
        if endpoint != self._endpoint:
            raise RecordError(
                "Cannot use the record %s: it was recorded through another endpoint. Check '%s'."
                % (path, self._kind.option)
            )
        return Entry(region, values)

    def _path(self, item_id: str) -> str:
        """Return the path of a file; raise RecordError if the ID, which can come from the API or a directory, is invalid."""
        if not self._kind.is_id(item_id):
            raise RecordError(
                "Cannot use the record %s: %r is not the ID of a %s." % (self._folder, item_id[:80], self._kind.what)
            )
        return os.path.join(self._folder, item_id + _SUFFIX)


class TemplateRecord(ItemRecord):
    """The record of former default versions of launch templates."""

    def __init__(self, path: str, endpoint: t.Optional[str]) -> None:
        super().__init__(path, endpoint, TEMPLATES)

    def add(self, template: Template) -> None:
        """Record the present default version."""
        self.add_values(template.template_id, template.region_id, {"default_version": template.default_version})


class ConfigurationRecord(ItemRecord):
    """The record of metadata options of scaling configurations."""

    def __init__(self, path: str, endpoint: t.Optional[str]) -> None:
        super().__init__(path, endpoint, CONFIGURATIONS)

    def add(self, change: Change) -> None:
        """Record the options before a change; raise RecordError if the API returned unknown ones, which cannot be restored."""
        if None in change.before.values():
            raise RecordError(
                "Cannot record the options: the API returned unknown values. Change them without 'record'."
            )
        self.add_values(change.item_id, change.region_id, dict(change.before))

    def options(self) -> t.Dict[str, t.Tuple[str, TemplateOptions]]:
        """Return region and recorded options by ID; raise RecordError if the directory or a file cannot be used."""
        return {name: (it.region_id, TemplateOptions(**it.values)) for name, it in self.entries().items()}


Kept = t.TypeVar("Kept", bound=ItemRecord)


def open_record(
    kind: t.Callable[[str, t.Optional[str]], Kept], path: t.Optional[str], endpoint: t.Optional[str]
) -> t.Optional[Kept]:
    """Return the record at *path*, or None without a path; raise RecordError if it cannot be used."""
    if not path:
        return None
    record = kind(path, endpoint)
    record.check()
    return record
