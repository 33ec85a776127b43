# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build RPM packages and repositories on a test host with the root file system el8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from host import Host

SPECIFICATION = """\
Name: {0.name}
Version: {0.version}
Release: {0.release}
Summary: {0.name}
License: none
BuildArch: noarch
{1}
%global __os_install_post %{{nil}}
%global _binaries_in_noarch_packages_terminate_build 0
%description
%install
{2}
%files
{3}
"""


@dataclass(frozen=True)
class Package:
    """A package; *tags* are further lines of its specification, such as ``Requires: x``."""

    name: str
    version: str
    release: str = "1"
    files: tuple[tuple[str, str], ...] = ()  # path, content
    copies: tuple[tuple[str, str], ...] = ()  # file of the host, path
    tags: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        return f"{self.name}-{self.version}-{self.release}.noarch.rpm"

    def specification(self) -> str:
        install = [f"printf '{content}' >%{{buildroot}}{path}" for path, content in self.files]
        install += [f"cp {source} %{{buildroot}}{path}" for source, path in self.copies]
        paths = [*dict(self.files), *dict(self.copies).values()]
        install[:0] = [f"mkdir -p %{{buildroot}}$(dirname {path})" for path in paths]
        # The build would find the libraries of a program, which no RPM package provides here.
        tags = ("AutoReqProv: no", *self.tags)
        return SPECIFICATION.format(self, "\n".join(tags), "\n".join(install), "\n".join(paths))


def build(host: Host, folder: str, packages: Sequence[Package]) -> None:
    """Build the packages on the host, in its *folder*, which becomes a repository."""
    for package in packages:
        host.output("sh", "-c", f"cat >/tmp/{package.file}.spec", input=package.specification())
    names = [f"/tmp/{package.file}.spec" for package in packages]
    options = ("-bb", "--quiet", "--define", "_topdir /tmp/rpm", "--define", f"_rpmdir {folder}")
    host.output("rpmbuild", *options, "--define", "_build_name_fmt %{NAME}-%{VERSION}-%{RELEASE}.noarch.rpm", *names)
    host.output("createrepo_c", "--quiet", folder)


def enable(host: Host, name: str, folder: str, **options: str) -> None:
    """Configure a repository of unsigned packages in the *folder* of the host, in place of an earlier one of this name."""
    lines = {"name": name, "baseurl": f"file://{folder}", "gpgcheck": "0", **options}
    path = _configuration(host, name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in lines.items()))


def disable(host: Host, name: str) -> None:
    _configuration(host, name).unlink()


def _configuration(host: Host, name: str) -> Path:
    return host.root / f"etc/yum.repos.d/{name}.repo"


def installed(host: Host) -> dict[str, str]:
    """Return version and release of all installed packages by name."""
    lines = host.output("rpm", "--query", "--all", "--queryformat", "%{NAME} %{VERSION}-%{RELEASE}\\n").splitlines()
    return dict(line.split() for line in lines)
