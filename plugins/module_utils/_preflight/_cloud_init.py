# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judge whether the installed cloud-init supports tokens.

Distributions backport features, so an old version number is not enough: code that names the token header supports tokens.
`_catalog` names the sources of the versions.
"""

import glob
import re
import typing as t

from .._imds._service import TOKEN_HEADER
from . import _python
from ._files import Files
from ._findings import Finding, finding
from ._system_packages import distribution, installed
from ._versions import older

VENDOR_MINIMUM = "23.2.2"
UPSTREAM_FIRST = "23.1"
UBUNTU_FIRST = "22.4.2-0ubuntu2"
_TOKEN = re.compile(re.escape(TOKEN_HEADER.encode("ascii")), re.I)
_PYTHON_FOLDERS = (
    "/usr/lib*/python3*/*-packages",
    "/usr/local/lib*/python3*/*-packages",
    "/usr/lib*/python2*/*-packages",
    "/opt/cloud-init*/lib*/python3*/*-packages",
)


class Copy(t.NamedTuple):
    """An installed cloud-init: a distribution package, a Python package, or plain code."""

    version: str
    upstream: str
    scheme: str
    path: str


def check(files: Files) -> t.Iterator[Finding]:
    """Yield at most one finding for each installed version."""
    listed = [*_packaged(files), *_as_python(files)]
    # The code of a package without a readable version is no second copy.
    listed = [copy for copy in listed if copy.version or not any(other.version for other in listed)]
    copies = {copy.upstream: copy for copy in reversed(listed)}
    if not copies:
        yield finding("cloud_init_absent")
    backported = _code_names_the_header(files)
    ubuntu = "ubuntu" in distribution(files)
    for copy in copies.values():
        yield from _judge(copy, ubuntu, backported)


def _judge(copy: Copy, ubuntu: bool, backported: bool) -> t.Iterator[Finding]:
    """Yield a finding if this copy is too old, or its version invalid; *backported*: its code names the token header."""
    first_good = UBUNTU_FIRST if copy.scheme == "dpkg" and (ubuntu or "ubuntu" in copy.version) else UPSTREAM_FIRST
    evidence = {"path": copy.path, "version": copy.version}
    try:
        compared = copy.upstream if copy.scheme == "rpm" else copy.version
        too_old = older(copy.scheme, compared, first_good)
        below = older(copy.scheme, compared, VENDOR_MINIMUM)
    except ValueError:
        yield finding("cloud_init_version_unknown", "", **evidence)
        return
    if too_old and not backported:
        detail = "Its code, where it was found, does not name the token header either."
        yield finding("cloud_init_too_old", detail, first_good=first_good, **evidence)
    elif below:
        backport = "It is older than the first version with tokens, but its code names the token header: a backport."
        detail = backport if too_old else "cloud-init supports tokens since %s." % first_good
        yield finding("cloud_init_below_vendor_minimum", detail, first_good=VENDOR_MINIMUM, **evidence)


def _packaged(files: Files) -> t.Iterator[Copy]:
    """Yield the cloud-init of the distribution."""
    package = installed(files, ["cloud-init"]).get("cloud-init")
    if package:
        yield Copy(package.version, package.upstream, package.scheme, package.source)


def _as_python(files: Files) -> t.Iterator[Copy]:
    """Yield each cloud-init that Python's metadata or its own version.py shows."""
    paths = _found(files, "/cloud_init-*.*-info/METADATA", "/cloud_init-*.*-info/PKG-INFO", "/cloud_init-*.egg-info")
    for package in _python.packages(files, paths, ["cloud-init"]):
        version = package.version or ""
        yield Copy(version, version, "python", files.shown(package.path))
    for path in _found(files, "/cloudinit/version.py"):
        version = _assigned(files, path) or _assigned(files, path[: -len("version.py")] + "meson_versions.py")
        yield Copy(version, version, "python", files.shown(path))


def _assigned(files: Files, path: str) -> str:
    """Return the version that a file of cloud-init assigns, in its own form or in that of a build with meson; else empty.

    canonical/cloud-init cloudinit/version.py and cloudinit/meson_versions.py.
    """
    content = files.read(path, 1 << 16) or b""
    found = re.search(
        rb"""^(?:__VERSION__|VERSION|UPSTREAM_VERSION)\s*(?::[^=\n]*)?=\s*["']([^"'\s]*)["']""", content, re.M
    )
    return found.group(1).decode("utf-8", "replace") if found and b"@" not in found.group(1) else ""


def _code_names_the_header(files: Files) -> bool:
    """Return whether each installed data source for Alibaba Cloud names the token header; False if none is installed."""
    paths = _found(files, "/cloudinit/sources/DataSourceAliYun.py")
    return bool(paths) and all(_TOKEN.search(files.read(path, 1 << 20) or b"") for path in paths)


def _found(files: Files, *endings: str) -> t.List[str]:
    """Return the real paths of files with these *endings* below the folders of Python packages."""
    root = glob.escape(files.root)
    return [
        path for folders in _PYTHON_FOLDERS for ending in endings for path in sorted(glob.glob(root + folders + ending))
    ]
