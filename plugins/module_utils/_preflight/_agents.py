# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Detect agents that send normal-mode requests, and the Ansible collection alibaba.alicloud.

The agents' installers do not document where they install; the paths are those seen on real hosts. An agent elsewhere is
found only if the package database lists it. `_catalog` names the source of each version.
"""

import json
import os
import re
import typing as t

from ._files import Files
from ._findings import Finding, finding
from ._system_packages import installed
from ._versions import older

_ASSISTANT = "/usr/local/share/aliyun-assist"
_ASSISTANT_PACKAGES = ("aliyun-assist", "aliyun_assist")
# The newest version (of 2024-02-01) known to send normal-mode requests only: 2.x.3.529, x being the platform.
_ASSISTANT_NORMAL_MODE = "3.529"
_AFTERBURN = ("/usr/bin/afterburn", "/usr/libexec/afterburn", "/usr/lib/systemd/system/afterburn.service")
_OSSFS = "ossfs"


def check(files: Files, gems: t.Sequence[str], collections: t.Sequence[str]) -> t.Iterator[Finding]:
    """Yield findings about agents, ossfs, *gems* of ohai, and manifests of *collections*, both as real paths."""
    packages = installed(files, ["afterburn", "ohai", "ossfs", "chef", *_ASSISTANT_PACKAGES])
    if "afterburn" in packages:
        package = packages["afterburn"]
        yield finding("afterburn_normal_mode", path=package.source, package=package.name, version=package.version)
    else:
        for path in [path for path in _AFTERBURN if os.path.isfile(files.real(path))][:1]:
            yield finding("afterburn_normal_mode", path=path)
    for path in gems:
        version = re.sub(r"\Aohai-(.*)\.gemspec\Z", r"\1", os.path.basename(path))
        yield finding("ohai_normal_mode", path=files.shown(path), version=version)
    if _OSSFS in packages:
        package = packages[_OSSFS]
        yield finding("ossfs_uncertain", path=package.source, package=package.name, version=package.version)
    yield from _assistant(files, [packages[name] for name in _ASSISTANT_PACKAGES if name in packages])
    for path in collections:
        yield finding("ansible_alicloud_normal_mode", path=files.shown(path), version=_collection_version(files, path))


def _assistant(files: Files, packages: t.Sequence[t.Any]) -> t.Iterator[Finding]:
    """Yield a finding about the newest version of Cloud Assistant; the agent keeps older versions beside it."""
    found = [(name, _ASSISTANT + "/" + name) for name in files.listing(_ASSISTANT) if _assistant_number(name)]
    found = found or [(package.upstream, package.source) for package in packages]
    numbered = [(version, path) for version, path in found if _assistant_number(version)]
    if not numbered:
        for version, path in found:
            detail = "Its version cannot be determined; 2.x.3.529 and older do not support tokens."
            yield finding("cloud_assistant_noise", detail, path=path, version=version)
        return
    newest = numbered[0]
    for one in numbered[1:]:
        if older("semver", _assistant_number(newest[0]), _assistant_number(one[0])):
            newest = one
    version, path = newest
    if older("semver", _ASSISTANT_NORMAL_MODE, _assistant_number(version)):
        detail = "Tokens are supported since a version after 2.x.3.529; which one is not known."
        yield finding("cloud_assistant_noise", detail, path=path, version=version)
    else:
        yield finding("cloud_assistant_too_old", path=path, version=version)


def _assistant_number(version: str) -> str:
    """Return the last two of the four numbers of a version; empty if it has not four numbers."""
    numbers = re.fullmatch(r"\d{1,9}\.\d{1,9}\.(\d{1,9}\.\d{1,9})", version)
    return numbers.group(1) if numbers else ""


def _collection_version(files: Files, path: str) -> t.Optional[str]:
    """Return the version in the MANIFEST.json of a collection; None if it cannot be determined."""
    try:
        version = json.loads(files.read(path, 1 << 20) or b"")["collection_info"]["version"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    return version[:80] if isinstance(version, str) else None
