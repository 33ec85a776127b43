# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""cloud-init, found by the package database, its Python package and its code."""

from __future__ import annotations

import shutil
import subprocess

import pytest

STATUS = "/var/lib/dpkg/status"


CODE = "/usr/lib/python3/dist-packages/cloudinit/"


OLD, BELOW = "cloud_init_too_old", "cloud_init_below_vendor_minimum"


def status(
    host, version: str, state: str = "install ok installed", name: str = "cloud-init", path: str = STATUS
) -> None:
    before = "Package: adduser\nStatus: install ok installed\nVersion: 3.134\nDescription: x\n Version: 9\n\n"
    text = "Package: %s\nStatus: %s\nArchitecture: all\nVersion: %s\nDescription: boot\n .\n Package: x\n" % (
        name,
        state,
        version,
    )
    host.write(path, before + text + "\nPackage: zz\nStatus: install ok installed\nVersion: 1\n")


@pytest.mark.parametrize(
    ("distribution", "version", "kind"),
    [
        ("debian", "20.4.1-2+deb11u1", OLD),
        ("debian", "22.4.2-1+deb12u4", OLD),
        ("debian", "23.1-1", BELOW),
        ("debian", "23.2.2-1", None),
        ("debian", "25.1.4-1", None),
        ("ubuntu", "22.4.2-0ubuntu1", OLD),
        ("ubuntu", "22.4.2-0ubuntu2", BELOW),
        ("ubuntu", "23.1.2-0ubuntu0~20.04.1", BELOW),
        ("ubuntu", "23.3.3-0ubuntu0~22.04.1", None),
        ("ubuntu", "0.7.9-1", OLD),
        ("debian", "1:23.4-1", None),
    ],
)
def test_the_version_in_dpkg_is_judged(host, distribution, version, kind) -> None:
    host.write("/etc/os-release", 'NAME="x"\nID=%s\n' % distribution)
    status(host, version)
    assert host.found("cloud_init") == ([(kind, STATUS, version)] if kind else [])


def test_first_good_depends_on_the_distribution(host) -> None:
    status(host, "22.4.2-0ubuntu1")
    host.write("/etc/os-release", "ID=linuxmint\nID_LIKE='ubuntu debian'\n")
    [one] = host.run("cloud_init").findings
    assert (one["severity"], one["evidence"]["first_good"]) == ("block", "22.4.2-0ubuntu2")
    host.write("/etc/os-release", "ID=debian\n")
    status(host, "22.4.2-1")
    assert host.run("cloud_init").findings[0]["evidence"]["first_good"] == "23.1"


def test_code_that_names_the_token_header_is_a_backport(host) -> None:
    status(host, "22.4.2-1")
    host.write(CODE + "sources/DataSourceAliYun.py", 'X = "X-aliyun-ecs-metadata-token"\n')
    [one] = host.run("cloud_init").findings
    assert one["id"] == BELOW and "a backport" in one["detail"]
    host.write("/usr/local/lib/python3.11/site-packages/cloudinit/sources/DataSourceAliYun.py", "X = 1\n")
    assert host.found("cloud_init") == [(OLD, STATUS, "22.4.2-1")]


@pytest.mark.parametrize(
    ("path", "content", "version"),
    [
        (
            "/usr/lib/python3/dist-packages/cloud_init-22.4.2.egg-info/PKG-INFO",
            "Name: cloud-init\nVersion: 22.4.2\n",
            "22.4.2",
        ),
        ("/usr/lib/python3.9/site-packages/cloud_init-21.1.egg-info", "", "21.1"),
        (
            "/usr/local/lib/python3.11/site-packages/cloud_init-22.1.dist-info/METADATA",
            "Name: cloud-init\nVersion: 22.1\n",
            "22.1",
        ),
        (CODE + "version.py", '# x\n__VERSION__ = "22.4.2"\n_PACKAGED_VERSION = "@@PACKAGED_VERSION@@"\n', "22.4.2"),
    ],
)
def test_the_version_of_the_python_package_is_judged(host, path, content, version) -> None:
    host.write(path, content)
    assert host.found("cloud_init") == [(OLD, path, version)]


def test_each_version_has_one_finding(host) -> None:
    status(host, "22.4.2-1")
    host.write(CODE + "version.py", '__VERSION__ = "22.4.2"\n')
    host.write("/usr/local/lib/python3.11/site-packages/cloudinit/version.py", '__VERSION__ = "22.1"\n')
    assert [version for _kind, _path, version in host.found("cloud_init")] == ["22.1", "22.4.2-1"]


def test_an_unknown_version_is_a_finding(host) -> None:
    host.write(CODE + "version.py", "import os\n")
    assert host.found("cloud_init") == [("cloud_init_version_unknown", CODE + "version.py", "")]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("apt-get"), reason="not a Debian system")
def test_the_real_debian_package_is_judged(host, tmp_path) -> None:
    done = subprocess.run(
        ["apt-get", "download", "-qq", "cloud-init"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    debs = list(tmp_path.glob("cloud-init_*.deb"))
    if not debs:
        pytest.skip("apt cannot download: " + done.stderr[-200:])
    subprocess.run(["dpkg-deb", "-x", debs[0], host.root], check=True)
    version = subprocess.run(
        ["dpkg-deb", "-f", debs[0], "Version"], capture_output=True, text=True, check=True
    ).stdout.strip()
    status(host, version)
    found = host.run("cloud_init").findings
    expected = [OLD] if version.startswith("22.") else []
    assert [one["id"] for one in found] == expected


@pytest.mark.parametrize("name", ["VERSION", "__VERSION__"])
def test_a_build_with_meson_is_no_second_copy(host, name) -> None:
    status(host, "26.2-1")
    host.write(CODE + "version.py", "from cloudinit.meson_versions import %s\n" % name)
    assert host.found("cloud_init") == []
    host.write(CODE + "meson_versions.py", '%s = "26.2"\n' % name)
    assert host.found("cloud_init") == []
    host.write("/var/lib/dpkg/status", "")
    host.write(CODE + "meson_versions.py", '%s = "22.4"\n' % name)
    assert host.found("cloud_init") == [(OLD, CODE + "version.py", "22.4")]
