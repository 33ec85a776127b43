# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Libraries that are too old: the metadata of Python, Node.js, PHP and Java on disk."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile

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
def test_python(host, name, version, kind) -> None:
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
def test_every_form_of_a_python_package(host, path) -> None:
    host.write(path, "Name: alibabacloud-credentials\nVersion: 0.3.5\n")
    assert host.found("python") == [("python_credentials_too_old", path, "0.3.5")]


def test_opting_in_is_told(host) -> None:
    package(host, "alibabacloud-credentials", "0.3.4")
    package(host, "alibabacloud-credentials", "0.3.2", "/srv/")
    details = {one["evidence"]["version"]: one["detail"] for one in host.run("python").findings}
    assert details == {"0.3.4": "Since 0.3.3 it can use tokens, but only in programs that ask for it.", "0.3.2": ""}


@pytest.mark.parametrize("text", ["", "\0\xff\n", "Name: alibabacloud-credentials\n", "<html>", "x" * (1 << 19)])
def test_damaged_metadata_leaves_the_name_of_the_folder(host, text) -> None:
    path = package(host, "alibabacloud-credentials", "0.3.5", text=text)
    assert host.found("python") == [("python_credentials_too_old", path, "0.3.5")]


def test_a_version_that_is_none_is_a_finding(host) -> None:
    path = package(
        host, "alibabacloud-credentials", "1", text="Name: alibabacloud_credentials\nVersion: \x1b[31m%s\n" % ("9" * 99)
    )
    [one] = host.run("python").findings
    assert (one["id"], one["severity"], one["evidence"]["path"]) == ("library_version_unknown", "warn", path)
    assert one["evidence"]["version"] == "\\x1b[31m" + "9" * 53 + "..."


def test_the_description_of_a_package_is_not_its_version(host) -> None:
    package(host, "oss3", "1", text="Name: oss3\nVersion: 1\n\nName: oss2\nVersion: 2\n")
    assert host.found("python") == []


@pytest.mark.slow
def test_what_pip_really_installs(host) -> None:
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


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("2.3.0", "node_credentials_too_old"),
        ("2.3.1-beta", "node_credentials_too_old"),
        ("2.3.1", None),
        ("2.4.7", None),
        ({"x": 1}, "library_version_unknown"),
    ],
)
def test_node(host, version, kind) -> None:
    path = "/srv/web/node_modules/a/node_modules/@alicloud/credentials/package.json"
    host.write(path, json.dumps({"name": "@alicloud/credentials", "version": version}))
    host.write("/srv/web/node_modules/credentials/package.json", '{"version": "0.0.1"}')
    assert [one[:2] for one in host.found("node")] == ([(kind, path)] if kind else [])


@pytest.mark.parametrize("content", ["", "[" * 100000, "{}", "[1]", "null", "\xff"])
def test_a_damaged_package_json(host, content) -> None:
    path = "/srv/node_modules/@alicloud/credentials/package.json"
    host.write(path, content)
    assert host.found("node") == [("library_version_unknown", path, None)]


@pytest.mark.parametrize("form", [lambda listed: {"packages": listed, "dev": False}, lambda listed: listed])
@pytest.mark.parametrize(
    ("version", "kind"),
    [("1.1.5", "php_credentials_too_old"), ("v1.2.0", None), ("dev-master", "library_version_unknown")],
)
def test_php(host, form, version, kind) -> None:
    path = "/var/www/shop/vendor/composer/installed.json"
    listed = [{"name": "a/b", "version": "0"}, {"name": "alibabacloud/credentials", "version": version}, 7]
    host.write(path, json.dumps(form(listed)))
    assert host.found("php") == ([(kind, path, version)] if kind else [])


def test_a_damaged_list_of_php(host) -> None:
    path = "/var/www/vendor/composer/installed.json"
    host.write(path, "{")
    assert host.found("php") == [("not_examined", path, None)]


def archive(host, path: str, *names: str, before: bytes = b"") -> str:
    real = host.write(path)
    with zipfile.ZipFile(real, "w") as made:
        for name in names:
            made.writestr(name, "x" * 100)
    real.write_bytes(before + real.read_bytes())
    return path


@pytest.mark.parametrize(
    ("path", "names", "kind", "version"),
    [
        ("/opt/app/lib/credentials-java-0.3.9.jar", [], "java_credentials_too_old", "0.3.9"),
        ("/opt/app/lib/credentials-java-0.3.10.jar", [], None, None),
        ("/opt/app/lib/credentials-java-1.0.6.jar", [], None, None),
        ("/opt/app/lib/credentials-java-0.2.0-sources.jar", [], None, None),
        ("/opt/app/lib/my-credentials-java-0.2.0.jar", [], None, None),
        ("/opt/app/app.jar", ["BOOT-INF/lib/credentials-java-0.2.11.jar"], "java_credentials_too_old", "0.2.11"),
        ("/opt/app/app.war", ["WEB-INF/lib/credentials-java-1.0.0.jar", "x"], None, None),
        (
            "/opt/app/fat.jar",
            ["META-INF/maven/com.aliyun/credentials-java/pom.properties"],
            "library_version_unknown",
            None,
        ),
        ("/opt/app/other.jar", ["org/x.class"], None, None),
    ],
)
def test_java(host, path, names, kind, version) -> None:
    archive(host, path, *names)
    assert host.found("java") == ([(kind, path, version)] if kind else [])


def test_an_archive_that_is_a_program(host) -> None:
    path = archive(
        host, "/opt/app/run.jar", "BOOT-INF/lib/credentials-java-0.3.0.jar", before=b"#!/bin/sh\nexec java -jar $0\n"
    )
    assert host.found("java") == [("java_credentials_too_old", path, "0.3.0")]


@pytest.mark.parametrize("content", [b"", b"PK\5\6", b"x" * 70000, b"PK\5\6" + b"\xff" * 18, b"PK\5\6" + b"\0" * 18])
def test_damaged_archives(host, content) -> None:
    host.write("/opt/bad.jar", content)
    assert {kind for kind, _path, _version in host.found("java")} <= {"not_examined"}


def test_stores_of_containers_are_not_searched_but_told(host) -> None:
    package(host, "oss2", "2.0", "/var/lib/docker/overlay2/x/diff/usr/lib/python3/dist-packages/")
    assert host.found("python", "ack") == [("containers_not_examined", "/var/lib/docker", None)]
