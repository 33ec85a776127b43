# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find Python packages that are too old for tokens."""

import os
import re
import typing as t

from ._files import Files
from ._findings import Finding
from ._libraries import Library, judge

# See python_* in _catalog for the sources.
LIBRARIES = {
    "alibabacloud-credentials": Library(
        "python_credentials_too_old", "alibabacloud-credentials", "python", "0.3.6", opt_in="0.3.3"
    ),
    "aliyun-python-sdk-core": Library("python_sdk_core_normal_mode", "aliyun-python-sdk-core", "python", None),
    "aliyun-python-sdk-core-v3": Library("python_sdk_core_normal_mode", "aliyun-python-sdk-core-v3", "python", None),
    "footmark": Library("python_sdk_core_normal_mode", "footmark", "python", None),
    "acm-sdk-python": Library("python_sdk_core_normal_mode", "acm-sdk-python", "python", None),
    "ansible-alicloud": Library("python_sdk_core_normal_mode", "ansible-alicloud", "python", None),
    "oss2": Library("python_oss2_normal_mode", "oss2", "python", None),
}
_FOLDER = re.compile(r"(?P<name>[^/]+?)(?:-(?P<version>\d[^-/]*))?(?:-py[\d.]+)?\.(?:dist-info|egg-info|egg)\Z")
_LIMIT = 1 << 18


class Package(t.NamedTuple):
    """An installed package: normalized ``name``, ``version`` (None if unknown), and real ``path`` of its metadata."""

    name: str
    version: t.Optional[str]
    path: str


def packages(files: Files, paths: t.Sequence[str], names: t.Container[str]) -> t.Iterator[Package]:
    """Yield the packages with one of *names* among those whose metadata is at the real *paths*."""
    for path in paths:
        folder = path if path.endswith(".egg-info") else os.path.dirname(path)
        folder = os.path.dirname(folder) if folder.endswith("/EGG-INFO") else folder
        matched = _FOLDER.fullmatch(os.path.basename(folder))
        headers = _headers(files, path)
        name = headers.get("name") or (matched.group("name") if matched else "")
        name = re.sub(r"[-_.]+", "-", name).lower()
        if name in names:
            yield Package(name, headers.get("version") or (matched.group("version") if matched else None), path)


def check(files: Files, paths: t.Sequence[str]) -> t.Iterator[Finding]:
    """Yield a finding for each package that is too old or of unknown version."""
    for package in packages(files, paths, LIBRARIES):
        yield from judge(LIBRARIES[package.name], package.version, files.shown(package.path))


def _headers(files: Files, path: str) -> t.Dict[str, str]:
    """Return name and version in the metadata, which ends at the first empty line; the description follows it."""
    content = (files.read(path, _LIMIT) or b"").decode("utf-8", "replace")
    headers: t.Dict[str, str] = {}
    for line in content.split("\n"):
        key, colon, value = line.partition(":")
        if not line.strip():
            break
        if colon and key.lower() in ("name", "version"):
            headers.setdefault(key.lower(), value.strip())
    return headers
