# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find installations of the PHP package alibabacloud/credentials that are too old for tokens."""

import typing as t

from ._files import Files
from ._findings import Finding
from ._libraries import Library, judge

# See php_credentials_too_old in _catalog for the source.
_CLIENT = Library("php_client_normal_mode", "alibabacloud/client", "semver", None)
_CREDENTIALS = Library("php_credentials_too_old", "alibabacloud/credentials", "semver", "1.2.0")


def check(files: Files, paths: t.Sequence[str]) -> t.Iterator[Finding]:
    """Yield a finding for each installed.json of Composer that lists a version that is too old or unknown."""
    for path in paths:
        described = files.read_json(path)
        listed = described.get("packages") if isinstance(described, dict) else described
        if not isinstance(listed, list):
            files.note(path, "is not a list of Composer packages")
            continue
        for package in listed:
            if isinstance(package, dict) and package.get("name") == _CLIENT.package:
                yield from judge(_CLIENT, str(package.get("version")), files.shown(path))
            if isinstance(package, dict) and package.get("name") == _CREDENTIALS.package:
                version = package.get("version")
                yield from judge(_CREDENTIALS, version if isinstance(version, str) else None, files.shown(path))
