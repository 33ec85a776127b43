# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find installations of the Node.js package @alicloud/credentials that are too old for tokens."""

import typing as t

from .._common._text import one_line
from ._files import Files
from ._findings import Finding, finding
from ._libraries import Library, judge

_DETECTOR = "@opentelemetry/resource-detector-alibaba-cloud"
# Not 2.3.1, as D1 says: see node_credentials_too_old in _catalog.
_CREDENTIALS = Library("node_credentials_too_old", "@alicloud/credentials", "semver", "2.4.0")


def check(files: Files, paths: t.Sequence[str]) -> t.Iterator[Finding]:
    """Yield a finding for each package.json of a version that is too old or unknown."""
    for path in paths:
        described = files.read_json(path)
        version = described.get("version") if isinstance(described, dict) else None
        if path.endswith("/" + _DETECTOR + "/package.json"):
            yield finding("otel_detector_normal_mode", path=files.shown(path), version=one_line(str(version), 64))
            continue
        yield from judge(_CREDENTIALS, version if isinstance(version, str) else None, files.shown(path))
