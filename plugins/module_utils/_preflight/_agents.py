# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which agents on this host ask for metadata without a token? Private to the collection.

Where an agent's own installer puts it is not documented; the places are those seen in the field. What lies elsewhere is
found only if the distribution's database lists it.
"""

from __future__ import annotations

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
# C11: v2.x.3.529 of 2024-02-01 asks without a token only; x is the platform
_ASSISTANT_PLAIN = "3.529"
_AFTERBURN = ("/usr/bin/afterburn", "/usr/libexec/afterburn", "/usr/lib/systemd/system/afterburn.service")
_OSSFS = "ossfs"


def check(files: Files, gems: t.Sequence[str], collections: t.Sequence[str]) -> t.Iterator[Finding]:
    """Findings on agents and on tools that are known by name."""
    packages = installed(files, ["afterburn", "ohai", "ossfs", "chef", *_ASSISTANT_PACKAGES])
    # C14
    if "afterburn" in packages:
        package = packages["afterburn"]
        yield finding("afterburn_plain", path=package.source, package=package.name, version=package.version)
    else:
        for path in [path for path in _AFTERBURN if os.path.isfile(files.real(path))][:1]:
            yield finding("afterburn_plain", path=path)
    # C15
    for path in gems:
        version = re.sub(r"\Aohai-(.*)\.gemspec\Z", r"\1", os.path.basename(path))
        yield finding("ohai_plain", path=files.shown(path), version=version)
    # C12
    if _OSSFS in packages:
        package = packages[_OSSFS]
        yield finding("ossfs_uncertain", path=package.source, package=package.name, version=package.version)
    yield from _assistant(files, [packages[name] for name in _ASSISTANT_PACKAGES if name in packages])
    # C19
    for path in collections:
        yield finding("ansible_alicloud_plain", path=files.shown(path), version=_collection_version(files, path))


def _assistant(files: Files, packages: t.Sequence[t.Any]) -> t.Iterator[Finding]:
    """Of several versions side by side the newest is the one that runs."""
    found = [(name, _ASSISTANT + "/" + name) for name in files.listing(_ASSISTANT) if _assistant_number(name)]
    found = found or [(package.upstream, package.source) for package in packages]
    known = [(version, path) for version, path in found if _assistant_number(version)]
    if not known:
        for version, path in found:
            detail = "Its version cannot be told; 2.x.3.529 and older know no tokens."
            yield finding("cloud_assistant_noise", detail, path=path, version=version)
        return
    newest = known[0]
    for one in known[1:]:
        if older("semver", _assistant_number(newest[0]), _assistant_number(one[0])):
            newest = one
    version, path = newest
    if older("semver", _ASSISTANT_PLAIN, _assistant_number(version)):
        detail = "That tokens came after 2.x.3.529 is known, with which version is not."
        yield finding("cloud_assistant_noise", detail, path=path, version=version)
    else:
        yield finding("cloud_assistant_too_old", path=path, version=version)


def _assistant_number(version: str) -> str:
    """The last two of the four numbers; empty if these are no four numbers."""
    numbers = re.fullmatch(r"\d{1,9}\.\d{1,9}\.(\d{1,9}\.\d{1,9})", version)
    return numbers.group(1) if numbers else ""


def _collection_version(files: Files, path: str) -> t.Optional[str]:
    try:
        version = json.loads(files.read(path, 1 << 20) or b"")["collection_info"]["version"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    return version[:80] if isinstance(version, str) else None
