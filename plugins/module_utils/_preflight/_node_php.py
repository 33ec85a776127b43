# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Node.js and PHP packages on this host are too old for tokens? Private to the collection."""

from __future__ import annotations

import json
import typing as t

from ._files import Files
from ._findings import Finding
from ._libraries import Library, judge

# D1, and C5 with a report of its users: a build of 2.3.x lacked the PUT
NODE = Library("node_credentials_too_old", "@alicloud/credentials", "semver", "2.3.1")
# D1
PHP = Library("php_credentials_too_old", "alibabacloud/credentials", "semver", "1.2.0")
_LIMIT = 1 << 24


def check_node(files: Files, paths: t.Sequence[str]) -> t.Iterator[Finding]:
    """One finding for each package.json of a version that is too old."""
    for path in paths:
        described = _json(files, path)
        version = described.get("version") if isinstance(described, dict) else None
        yield from judge(NODE, version if isinstance(version, str) else None, files.shown(path))


def check_php(files: Files, paths: t.Sequence[str]) -> t.Iterator[Finding]:
    """One finding for each installed.json of Composer that names a version that is too old."""
    for path in paths:
        described = _json(files, path)
        listed = described.get("packages") if isinstance(described, dict) else described
        if not isinstance(listed, list):
            files.note(path, "is no list of packages")
            continue
        for package in listed:
            if isinstance(package, dict) and package.get("name") == PHP.package:
                version = package.get("version")
                yield from judge(PHP, version if isinstance(version, str) else None, files.shown(path))


def _json(files: Files, path: str) -> t.Any:
    try:
        return json.loads(files.read(path, _LIMIT) or b"")
    except (ValueError, RecursionError):
        return None
