# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages of dpkg and RPM, read from real databases, through the check of cloud-init."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight import _system_packages
from ansible_collections.alicloud.imds.plugins.module_utils._preflight._files import Files


@pytest.mark.parametrize("state", ["deinstall ok config-files", "unknown ok not-installed"])
def test_removed_packages_are_not_installed(host, state) -> None:
    text = "Package: cloud-init\nStatus: %s\nVersion: 20.1\n" % state
    host.write("/var/lib/dpkg/status", text)
    assert host.found("cloud_init") == [("cloud_init_absent", None, None)]


def test_images_without_dpkg_have_one_file_per_package(host) -> None:
    host.write(_system_packages.STATUS_PARTS + "/cloud-init", "Package: cloud-init\nVersion: 22.4.2-1\n")
    assert host.found("cloud_init") == [
        ("cloud_init_too_old", _system_packages.STATUS_PARTS + "/cloud-init", "22.4.2-1")
    ]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("rpmbuild"), reason="rpmbuild is not installed")
def test_a_real_rpm_database_is_read(host, tmp_path) -> None:
    spec = tmp_path / "cloud-init.spec"
    spec.write_text(
        "Name: cloud-init\nVersion: 19.1.21\nRelease: 7.al7\nSummary: x\nLicense: x\nBuildArch: noarch\n"
        "%description\nx\n%files\n"
    )
    subprocess.run(
        ["rpmbuild", "-bb", "--quiet", "--define", "_topdir %s" % tmp_path, spec], check=True, capture_output=True
    )
    [built] = tmp_path.glob("RPMS/noarch/*.rpm")
    install = [
        "rpm",
        "--root",
        host.root,
        "--dbpath",
        "/var/lib/rpm",
        "-i",
        "--justdb",
        "--nodeps",
        "--noscripts",
        built,
    ]
    subprocess.run(install, check=True, capture_output=True)
    package = _system_packages.installed(Files(str(host.root)), ["cloud-init", "afterburn"])
    assert [(one.version, one.scheme, one.upstream) for one in package.values()] == [
        ("0:19.1.21-7.al7", "rpm", "19.1.21")
    ]
    assert host.found("cloud_init") == [("cloud_init_too_old", "/var/lib/rpm", "0:19.1.21-7.al7")]


def test_an_unreadable_rpm_database_is_noted(host, monkeypatch, tmp_path) -> None:
    host.write("/var/lib/rpm/rpmdb.sqlite", "garbage")
    monkeypatch.setenv("PATH", str(tmp_path))
    kinds = [kind for kind, _path, _version in host.found("cloud_init")]
    assert kinds == ["cloud_init_absent", "not_examined"]
