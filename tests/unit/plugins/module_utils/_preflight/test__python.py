# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Python packages that are too old, in every form of package metadata."""

from __future__ import annotations

import subprocess
import sys

import pytest

SITE = "/opt/app/lib/python3.11/site-packages/"


def package(host, name: str, version: str, site: str = SITE, text: str | None = None) -> str:
    path = "%s%s-%s.dist-info/METADATA" % (site, name.replace("-", "_"), version)
    host.write(
        path, "Metadata-Version: 2.1\nName: %s\nVersion: %s\n\nText\n" % (name, version) if text is None else text
    )
    return path


@pytest.mark.parametrize(
    ("name", "version", "kind"),
    [
        ("alibabacloud-credentials", "0.3.5", "python_credentials_too_old"),
        ("alibabacloud_credentials", "0.3.6rc1", "python_credentials_too_old"),
        ("Alibabacloud.Credentials", "0.1", "python_credentials_too_old"),
        ("alibabacloud-credentials", "0.3.6", None),
        ("alibabacloud-credentials", "0.3.10", None),
        ("alibabacloud-credentials", "1.0.12", None),
        ("alibabacloud-credentials-api", "0.0.1", None),
        ("aliyun-python-sdk-core", "2.16.1", "python_sdk_core_normal_mode"),
        ("aliyun-python-sdk-ecs", "4.0", None),
        ("oss2", "2.19.1", "python_oss2_normal_mode"),
    ],
)
def test_packages_are_judged_by_their_version(host, name, version, kind) -> None:
    path = package(host, name, version)
    assert host.found("python") == ([(kind, path, version)] if kind else [])


@pytest.mark.parametrize(
    "path",
    [
        "/usr/lib/python3/dist-packages/alibabacloud_credentials-0.3.5.egg-info",
        "/usr/lib/python3.6/site-packages/alibabacloud_credentials-0.3.5-py3.6.egg-info/PKG-INFO",
        "/usr/local/lib/python3.8/site-packages/alibabacloud_credentials-0.3.5-py3.8.egg/EGG-INFO/PKG-INFO",
        "/home/app/.local/lib/python3.12/site-packages/alibabacloud_credentials-0.3.5.dist-info/METADATA",
        "/root/x/.venv/lib64/python3.9/site-packages/alibabacloud_credentials-0.3.5.dist-info/METADATA",
        "/srv/checkout/alibabacloud_credentials.egg-info/PKG-INFO",
    ],
)
def test_every_form_of_package_metadata_is_found(host, path) -> None:
    host.write(path, "Name: alibabacloud-credentials\nVersion: 0.3.5\n")
    assert host.found("python") == [("python_credentials_too_old", path, "0.3.5")]


def test_detail_says_since_when_tokens_can_be_enabled(host) -> None:
    package(host, "alibabacloud-credentials", "0.3.4")
    package(host, "alibabacloud-credentials", "0.3.2", "/srv/")
    details = {one["evidence"]["version"]: one["detail"] for one in host.run("python").findings}
    assert details == {"0.3.4": "Since 0.3.3 it supports tokens, but only in programs that enable them.", "0.3.2": ""}


DESCRIBED = (
    "Name: alibabacloud-credentials\n\nName: other\nVersion: 99.0\n"  # what follows an empty line is a description
)


@pytest.mark.parametrize(
    "text", ["", "\0\xff\n", DESCRIBED, "Name: alibabacloud-credentials\n", "<html>", "x" * (1 << 19)]
)
def test_damaged_metadata_falls_back_to_the_folder_name(host, text) -> None:
    path = package(host, "alibabacloud-credentials", "0.3.5", text=text)
    assert host.found("python") == [("python_credentials_too_old", path, "0.3.5")]


def test_an_invalid_version_is_a_finding(host) -> None:
    path = package(
        host, "alibabacloud-credentials", "1", text="Name: alibabacloud_credentials\nVersion: \x1b[31m%s\n" % ("9" * 99)
    )
    [one] = host.run("python").findings
    assert (one["id"], one["severity"], one["evidence"]["path"]) == ("library_version_unknown", "warn", path)
    assert one["evidence"]["version"] == "\\x1b[31m" + "9" * 53 + "..."


def test_the_description_is_not_read_as_metadata(host) -> None:
    package(host, "oss3", "1", text="Name: oss3\nVersion: 1\n\nName: oss2\nVersion: 2\n")
    assert host.found("python") == []


@pytest.mark.slow
def test_a_package_that_pip_installed_is_found(host) -> None:
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--disable-pip-version-check", "--target"]
    target = host.root / "opt/reports/lib"
    done = subprocess.run(
        [*command, target, "alibabacloud_credentials==0.3.5"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("pip cannot install: " + done.stderr[-200:])
    [(kind, path, version)] = host.found("python")
    assert (kind, version) == ("python_credentials_too_old", "0.3.5")
    assert path.startswith("/opt/reports/lib/alibabacloud_credentials-0.3.5") and (host.root / path[1:]).is_file()


@pytest.mark.parametrize("name", ["aliyun-python-sdk-core-v3", "footmark", "acm-sdk-python", "ansible-alicloud"])
def test_other_names_of_libraries_without_tokens_are_found(host, name) -> None:
    path = "/opt/x/lib/python3.11/site-packages/%s-2.13.33.dist-info/METADATA" % name.replace("-", "_")
    host.write(path, "Name: %s\nVersion: 2.13.33\n" % name)
    assert host.found("python") == [("python_sdk_core_normal_mode", path, "2.13.33")]
