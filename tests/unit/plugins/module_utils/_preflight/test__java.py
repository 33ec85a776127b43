# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Java archives that are, or contain, credentials-java."""

from __future__ import annotations

import zipfile

import pytest


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
def test_archives_are_judged_by_the_names_in_them(host, path, names, kind, version) -> None:
    archive(host, path, *names)
    assert host.found("java") == ([(kind, path, version)] if kind else [])


def test_data_before_the_archive_is_skipped(host) -> None:
    path = archive(
        host, "/opt/app/run.jar", "BOOT-INF/lib/credentials-java-0.3.0.jar", before=b"#!/bin/sh\nexec java -jar $0\n"
    )
    assert host.found("java") == [("java_credentials_too_old", path, "0.3.0")]


@pytest.mark.parametrize("content", [b"", b"PK\5\6", b"x" * 70000, b"PK\5\6" + b"\xff" * 18, b"PK\5\6" + b"\0" * 18])
def test_damaged_archives_are_not_examined(host, content) -> None:
    host.write("/opt/bad.jar", content)
    assert {kind for kind, _path, _version in host.found("java")} <= {"not_examined"}


def test_libraries_without_tokens_are_found_by_their_names(host) -> None:
    paths = ["/srv/app/lib/aliyun-java-sdk-core-4.7.2.jar", "/srv/app/lib/alipay-sdk-java-4.38.10.ALL.jar"]
    paths += ["/srv/app/lib/aliyun-java-sdk-core-4.7.3.jar"]
    for path in paths:
        host.write(path, b"PK\x05\x06" + bytes(18))
    assert sorted(host.found("java")) == [
        ("java_library_normal_mode", paths[1], "4.38.10.ALL"),
        ("java_sdk_core_too_old", paths[0], "4.7.2"),
    ]
