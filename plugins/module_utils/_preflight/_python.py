# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Python packages on this host are too old for tokens? Private to the collection."""

from __future__ import annotations

import os
import re
import typing as t

from ._files import Files
from ._findings import Finding
from ._libraries import Library, judge

# D1, C3; the last two were tried: aliyun-python-sdk-core 2.16.1 and oss2 2.19.1, the newest, ask without a token
LIBRARIES = {
    "alibabacloud-credentials": Library(
        "python_credentials_too_old", "alibabacloud-credentials", "python", "0.3.6", opt_in="0.3.3"
    ),
    "aliyun-python-sdk-core": Library("python_sdk_core_plain", "aliyun-python-sdk-core", "python", None),
    "oss2": Library("python_oss2_plain", "oss2", "python", None),
}
_FOLDER = re.compile(r"(?P<name>[^/]+?)(?:-(?P<version>\d[^-/]*))?(?:-py[\d.]+)?\.(?:dist-info|egg-info|egg)\Z")
_LIMIT = 1 << 18


class Package(t.NamedTuple):
    """``name`` is normalised; ``version`` None if it cannot be told. ``path`` is that of the metadata."""

    name: str
    version: t.Optional[str]
    path: str


def packages(files: Files, paths: t.Sequence[str], names: t.Container[str]) -> t.Iterator[Package]:
    """The packages of these *names* among those whose metadata is at *paths*."""
    for path in paths:
        folder = path if path.endswith(".egg-info") else os.path.dirname(path)
        folder = os.path.dirname(folder) if folder.endswith("/EGG-INFO") else folder
        told = _FOLDER.fullmatch(os.path.basename(folder))
        headers = _headers(files, path)
        name = headers.get("name") or (told.group("name") if told else "")
        name = re.sub(r"[-_.]+", "-", name).lower()
        if name in names:
            yield Package(name, headers.get("version") or (told.group("version") if told else None), path)


def check(files: Files, paths: t.Sequence[str]) -> t.Iterator[Finding]:
    """A finding for each package that is too old."""
    for package in packages(files, paths, LIBRARIES):
        yield from judge(LIBRARIES[package.name], package.version, files.shown(package.path))


def _headers(files: Files, path: str) -> t.Dict[str, str]:
    """Name and version as the metadata gives them; the long description after the first empty line does not count."""
    content = (files.read(path, _LIMIT) or b"").decode("utf-8", "replace")
    headers: t.Dict[str, str] = {}
    for line in content.split("\n"):
        key, colon, value = line.partition(":")
        if not line.strip():
            break
        if colon and key.lower() in ("name", "version"):
            headers.setdefault(key.lower(), value.strip())
    return headers
