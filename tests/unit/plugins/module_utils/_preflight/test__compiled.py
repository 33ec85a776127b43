# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compiled and packed programs: ELF, archives of Java and Python, compiled Python files, and hostile archives."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zipfile

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._preflight import _compiled

from .go_programs import CREDENTIALS, build_info, dep, elf

READ = b"http://100.100.100.200\0/latest/meta-data/region-id\0"
SIX = b"http://[fd00:100::100:200]/latest/meta-data/region-id\0"
TOKEN = READ + b"X-Aliyun-ECS-Metadata-Token\0"
NOT_READ = [b"100.100.100.200", b"/latest/meta-data/", b""]


def archive(*entries: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as made:
        for name, content in entries:
            made.writestr(name, content)
    return stream.getvalue()


def found(host) -> list[str]:
    """Return the paths of the findings; fail if anything was not examined."""
    findings = host.found("programs")
    assert {kind for kind, _path, _version in findings} <= {"program_normal_mode"}, findings
    return [path for _kind, path, _version in findings]


@pytest.mark.parametrize("content", [READ, SIX, bytes((1 << 20) - 20) + READ])
@pytest.mark.parametrize("path", ["/opt/x/bin/agent", "/opt/x/agent", "/srv/agent.bin", "/home/ops/agent"])
def test_programs_with_the_address_but_without_the_header_are_found(host, path, content) -> None:
    os.chmod(host.write(path, b"\x7fELF" + bytes(100) + content), 0o755)
    assert found(host) == [path]


@pytest.mark.parametrize("content", [TOKEN, *NOT_READ])
def test_programs_with_the_header_or_without_a_path_are_not_found(host, content) -> None:
    host.write("/opt/x/bin/agent", b"\x7fELF" + content)
    host.write("/opt/x/app.jar", archive(("x/A.class", content)))
    assert found(host) == []


def test_files_that_nobody_runs_and_those_of_the_distribution_are_not_searched(host) -> None:
    host.write("/opt/x/data", b"\x7fELF" + READ)
    host.write("/usr/bin/agent", b"\x7fELF" + READ)
    host.write("/opt/x/bin/script", b"#!/bin/sh\n" + READ)
    assert found(host) == []


@pytest.mark.parametrize("name", ["a.jar", "a.war", "a.ear", "a.whl", "a.egg", "a.zip", "a.pyz", "a.pex"])
def test_archives_are_searched(host, name) -> None:
    address, path = READ.split(b"\0")[:2]
    host.write("/opt/x/" + name, archive(("x/A.class", address), ("x/B.class", path)))
    assert found(host) == ["/opt/x/" + name]


def test_each_archive_in_an_archive_is_judged_by_itself(host) -> None:
    good = archive(("t/T.class", TOKEN))
    bad = archive(("b/B.class", READ))
    host.write("/srv/app.jar", archive(("BOOT-INF/lib/good.jar", good), ("BOOT-INF/lib/bad.jar", bad), ("m.png", READ)))
    assert found(host) == ["/srv/app.jar!BOOT-INF/lib/bad.jar"]


def test_compiled_python_files_without_source_are_searched(host) -> None:
    host.write("/opt/x/alone.pyc", READ)
    host.write("/opt/x/both.pyc", READ)
    host.write("/opt/x/both.py", "print(1)")
    assert found(host) == ["/opt/x/alone.pyc"]


def test_libraries_that_are_judged_by_their_versions_are_not_reported_twice(host) -> None:
    old = archive(("c/C.class", READ))
    host.write("/srv/lib/credentials-java-0.3.9.jar", old)
    host.write("/srv/app.jar", archive(("BOOT-INF/lib/credentials-java-0.3.9.jar", old)))
    host.write("/opt/x/bin/go", elf(build_info("example.com/x", dep(CREDENTIALS, "v1.2.0"))) + READ)
    assert [kind for kind, _path, _version in host.found("java", "programs")] == [
        "java_credentials_too_old",
        "java_credentials_too_old",
        "go_credentials_too_old",
    ]


def end(entries: int, size: int, before: bytes = b"") -> bytes:
    """Return the end of an archive whose central directory has this size."""
    return before + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, entries, entries, size, 0, 0)


def encrypted() -> bytes:
    content = bytearray(archive(("a.class", READ)))
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\3\4",
        READ,
        end(0xFFFF, 1 << 23, bytes(1 << 23)),
        end(1, 0xFFFFFFFF),
        end(1, 46, struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)),
        end(1, 46, b"x" * 46),
        archive(("a.class", READ))[:-30],
        archive(("a.class", READ), compression=zipfile.ZIP_LZMA),
        archive(("a.class", READ), compression=zipfile.ZIP_BZIP2),
        encrypted(),
        archive(("a.class", READ * 50)).replace(READ[:8], b"\xff" * 8, 1)[:40] + b"\xff" * 200,
        archive(("a.jar", archive(("b.JAR", archive(("c.class", READ)))))),
    ],
)
def test_archives_that_cannot_be_read_are_said_to_be_not_examined(host, content) -> None:
    host.write("/opt/x/a.zip", content)
    assert [(kind, path) for kind, path, _version in host.found("programs")] == [("not_examined", "/opt/x/a.zip")]


@pytest.mark.slow
def test_what_an_archive_expands_to_is_bounded(host, monkeypatch) -> None:
    monkeypatch.setattr(_compiled, "_MAX_FILE", 4 << 20)
    bomb = archive(("a.class", bytes(24 << 20)))
    host.write("/opt/x/a.jar", archive(("a.class", READ), ("b.class", bytes(24 << 20))))
    host.write("/opt/x/b.jar", archive(("b.jar", bomb), ("c.jar", archive(("d.jar", bomb)))))
    tracemalloc.start()
    try:
        findings = host.found("programs")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 32 << 20
    assert sorted(findings) == [
        ("not_examined", "/opt/x/a.jar", None),
        ("not_examined", "/opt/x/b.jar", None),
        ("program_normal_mode", "/opt/x/a.jar", None),
    ]


def test_names_in_archives_are_shown_in_printable_form(host) -> None:
    host.write("/opt/x/a.jar", archive(("\x1b[2J\n.jar", archive(("a.class", READ)))))
    assert [path.isprintable() for path in found(host)] == [True]


def test_what_the_time_does_not_suffice_for_is_reported(host, monkeypatch) -> None:
    monkeypatch.setattr(_compiled, "_SHARE", 1e12)
    host.write("/opt/x/a.jar", archive(("a.class", READ)))
    found = host.run("programs").findings
    assert [(one["id"], one["evidence"]["reason"]) for one in found] == [
        ("not_examined", "1 programs and archives were not searched: the time for it is used up")
    ]
