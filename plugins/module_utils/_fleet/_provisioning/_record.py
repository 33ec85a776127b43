# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record the former default version of launch templates, in a directory with a file for each template.

The directory is ``launch_templates`` in the directory of the records of instances, which ignore it. The files are not trusted: they
decide which templates are changed. For what is refused, see ``_fleet._record_file``.
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
from ._template import Template

_TEMPLATE_ID = re.compile(r"lt-[0-9A-Za-z]{1,64}\Z")
_FOLDER, _SUFFIX, _FORMAT = "launch_templates", ".json", 1


def is_template_id(text: t.Any) -> bool:
    """Return whether *text* has the form of the ID of a launch template."""
    return isinstance(text, str) and bool(_TEMPLATE_ID.match(text))


class Entry(t.NamedTuple):
    """The region of a launch template and its default version before the change."""

    region_id: str
    default_version: int


class TemplateRecord:
    """The record in the directory *path*, for the templates behind *endpoint*."""

    def __init__(self, path: str, endpoint: t.Optional[str]) -> None:
        self.path = path
        self._folder = os.path.join(path, _FOLDER)
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

    def add(self, template: Template) -> None:
        """Record the present default version, unless an earlier change recorded one that is not restored yet."""
        self.check()
        if self._read(template.template_id) is not None:
            return
        content = {
            "format": _FORMAT,
            "launch_template_id": template.template_id,
            "region_id": template.region_id,
            "default_version": template.default_version,
            "api_endpoint": self._endpoint,
            "recorded_at": format_utc(time.time()),
        }
        path = self._path(template.template_id)
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            replace_file(path, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode("utf-8"))
        except OSError as exc:
            raise RecordError("Cannot write the record %s: %s." % (path, exc.strerror)) from exc

    def remove(self, template_id: str) -> None:
        """Remove the entry of a restored template."""
        path = self._path(template_id)
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as exc:
            raise RecordError("Cannot delete the record %s: %s." % (path, exc.strerror)) from exc

    def entries(self) -> t.Dict[str, Entry]:
        """Return the entries by template ID; raise RecordError if the directory or a file cannot be used."""
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

    def _read(self, template_id: str) -> t.Optional[Entry]:
        path = self._path(template_id)
        data = read_file(path)
        if data is None:
            return None
        try:
            content = json.loads(data.decode("utf-8"))
            version, region = content["default_version"], content["region_id"]
            same = content["format"] == _FORMAT and content["launch_template_id"] == template_id
            valid = isinstance(version, int) and not isinstance(version, bool) and version > 0
            if not (same and valid and is_region_id(region) and is_template_id(template_id)):
                raise ValueError("a value is invalid")
            endpoint = content["api_endpoint"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
            raise RecordError("%s is not a record of a launch template; move it." % path) from exc
        if endpoint != self._endpoint:
            raise RecordError(
                "Cannot use the record %s: it was recorded through another endpoint. Check 'api_endpoint'." % path
            )
        return Entry(region, version)

    def _path(self, template_id: str) -> str:
        return os.path.join(self._folder, template_id + _SUFFIX)
