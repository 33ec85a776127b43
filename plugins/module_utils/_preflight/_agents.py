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
_ASSISTANT_LINKS = (
    _ASSISTANT + "/aliyun-service.symlink",
    _ASSISTANT + "/aliyun-service",
    "/usr/sbin/aliyun-service",
    "/usr/bin/aliyun-service",
)
_ASSISTANT_PACKAGES = ("aliyun-assist", "aliyun_assist")
# The newest version (of 2024-02-01) known to send normal-mode requests only: 2.x.3.529, x being the platform.
_ASSISTANT_NORMAL_MODE = "3.529"
_IGNITION = ("/usr/bin/ignition", "/usr/lib/dracut/modules.d/30ignition/ignition", "/usr/libexec/ignition")
_AFTERBURN = ("/usr/bin/afterburn", "/usr/libexec/afterburn", "/usr/lib/systemd/system/afterburn.service")
_OSSFS = "ossfs"
_UNIT_FOLDERS = ("/usr/lib/systemd/system", "/run/systemd/system", "/etc/systemd/system")
_NM_UNIT = "/nm-cloud-setup.service"
_NM_ENABLED = re.compile(rb"(?mi)^\s*Environment\s*=.*\bNM_CLOUD_SETUP_ALIYUN=[\"']?(?:yes|y|1|true|t|on)\b")

#: A version of Cloud Assistant, and the evidence of where it was found.
Agent = t.Tuple[str, t.Dict[str, str]]


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
        if not _has_plugin(version):
            continue
        yield finding("ohai_normal_mode", path=files.shown(path), version=version)
    yield from _configured(files)
    if _OSSFS in packages:
        package = packages[_OSSFS]
        yield finding("ossfs_uncertain", path=package.source, package=package.name, version=package.version)
    yield from _assistant(files, [packages[name] for name in _ASSISTANT_PACKAGES if name in packages])
    for path in collections:
        yield finding("ansible_alicloud_normal_mode", path=files.shown(path), version=_collection_version(files, path))


def _configured(files: Files) -> t.Iterator[Finding]:
    """Yield findings about programs that read metadata where they are configured to."""
    for path in ("/var/lib/pacemaker/cib/cib.xml", "/etc/cluster/cluster.conf"):
        content = files.read(files.real(path), 1 << 20) or b""
        if b"fence_aliyun" in content and re.search(rb"ram[_-]role", content):
            yield finding("fence_aliyun_role", path=path)
    for path in _IGNITION:
        if os.path.isfile(files.real(path)):
            yield finding("ignition_normal_mode", path=path)
            break
    for path in [folder + _NM_UNIT + end for folder in _UNIT_FOLDERS for end in ("", ".d")]:
        for real in files.walk(path, depth=0):
            if _NM_ENABLED.search(files.read(real, 1 << 16) or b""):
                yield finding("nm_cloud_setup_normal_mode", path=files.shown(real))


def _assistant(files: Files, packages: t.Sequence[t.Any]) -> t.Iterator[Finding]:
    """Yield a finding about the newest version of Cloud Assistant; the agent keeps older versions beside it."""
    names = [name for name in files.listing(_ASSISTANT) if _assistant_number(name)]
    found: t.List[Agent] = [(name, {"path": _ASSISTANT + "/" + name}) for name in names]
    found = found or [(package.upstream, {"path": package.source, "package": package.name}) for package in packages]
    numbered = [one for one in found if _assistant_number(one[0])]
    if not numbered:
        for version, evidence in found:
            detail = "Its version cannot be determined; 2.x.3.529 and older do not support tokens."
            yield finding("cloud_assistant_noise", detail, **evidence, version=version)
        return
    running = _running_assistant(files)
    if running:
        numbered = [one for one in numbered if one[0] == running] or [(running, {"path": _ASSISTANT + "/" + running})]
    newest = numbered[0]
    for one in numbered[1:]:
        if older("semver", _assistant_number(newest[0]), _assistant_number(one[0])):
            newest = one
    version, evidence = newest
    if older("semver", _ASSISTANT_NORMAL_MODE, _assistant_number(version)):
        detail = "Tokens are supported since a version after 2.x.3.529; which one is not known."
        yield finding("cloud_assistant_noise", detail, **evidence, version=version)
    else:
        yield finding("cloud_assistant_too_old", **evidence, version=version)


def _running_assistant(files: Files) -> str:
    """Return the version of Cloud Assistant that the link of its service names; empty without such a link."""
    for link in _ASSISTANT_LINKS:
        try:
            target = os.readlink(files.real(link))
        except OSError:
            continue
        named = re.search(r"(?:\A|/)(\d{1,9}(?:\.\d{1,9}){3})(?:/|\Z)", target)
        if named:
            return named.group(1)
    return ""


def _has_plugin(version: str) -> bool:
    """Return whether this version of ohai has the plugin for Alibaba Cloud, since 16.14 and 17.0; True if it is unknown."""
    try:
        return not older("semver", version, "16.14.0")
    except ValueError:
        return True


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
