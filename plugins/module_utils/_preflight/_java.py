# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find Java archives that are, or contain, a credentials-java that is too old for tokens.

Only names are examined: that of the archive, and those in its directory, because applications often contain their libraries
as archives. A library whose classes were merged into an application is detected, but not its version.
"""

import os
import re
import struct
import typing as t

from ._files import Files
from ._findings import Finding, finding
from ._libraries import Library, judge

# See java_credentials_too_old in _catalog for the sources.
LIBRARY = Library("java_credentials_too_old", "credentials-java", "semver", "0.3.10", opt_in="0.3.1")
_LIBRARY = b"credentials-java-"
_NAME = re.compile(rb"(?:\A|[/\\])credentials-java-(\d[0-9A-Za-z.]*(?:-(?!sources|javadoc)[0-9A-Za-z.]+)?)\.jar")
_MERGED = b"META-INF/maven/com.aliyun/credentials-java/pom.properties"
_SDK_CORE = Library("java_sdk_core_too_old", "aliyun-java-sdk-core", "semver", "4.7.3")
_NAMED = re.compile(r"(aliyun-java-sdk-core|aliyun-sdk-oss|alipay-sdk-java)-(\d[\w.-]{0,40}?)\.jar\Z")
_END_OF_DIRECTORY = struct.Struct("<4s4H2LH")
_MAX_DIRECTORY = 1 << 24


def version_in_name(path: str) -> t.Optional[str]:
    """Return the version in the file name of a credentials-java archive; None for any other file name."""
    found = _NAME.search(os.fsencode("/" + os.path.basename(path)))
    return found.group(1).decode() if found else None


def check(files: Files, paths: t.Sequence[str]) -> t.Iterator[Finding]:
    """Yield a finding for each archive that is, or contains, a version that is too old or unknown."""
    for path in paths:
        version = version_in_name(path)
        if version:
            yield from judge(LIBRARY, version, files.shown(path))
            continue
        yield from _named(files, path)
        names = _directory(files, path)
        # The comparison is much faster than the pattern, and most archives do not have the name.
        versions = {found.decode() for found in _NAME.findall(names)} if _LIBRARY in names else set()
        for inner in sorted(versions):
            yield from judge(LIBRARY, inner, files.shown(path), inside=True)
        if not versions and _MERGED in names:
            yield from judge(LIBRARY, None, files.shown(path), inside=True)


def _named(files: Files, path: str) -> t.Iterator[Finding]:
    """Yield a finding if the archive is another library that sends normal-mode requests, in old or all versions."""
    found = _NAMED.match(os.path.basename(path))
    if found and found.group(1) == _SDK_CORE.package:
        yield from judge(_SDK_CORE, found.group(2), files.shown(path))
    elif found:
        yield finding(
            "java_library_normal_mode", path=files.shown(path), package=found.group(1), version=found.group(2)
        )


def _directory(files: Files, path: str) -> bytes:
    """Return the raw central directory of a ZIP archive; empty, with a note, if it cannot be read."""
    stream = files.open(path)
    if stream is None:
        return b""
    with stream:
        try:
            size = stream.seek(0, os.SEEK_END)
            begin = max(0, size - _END_OF_DIRECTORY.size - 0xFFFF)
            stream.seek(begin)
            tail = stream.read()
            place = tail.rfind(b"PK\x05\x06")
            if place < 0 or len(tail) - place < _END_OF_DIRECTORY.size:
                files.note(path, "is not a valid ZIP archive")
                return b""
            length, start = _END_OF_DIRECTORY.unpack_from(tail, place)[5:7]
            if length > _MAX_DIRECTORY or start > size:
                files.note(path, "has a central directory that is too large to examine")
                return b""
            # Data may precede the archive: count back from the end.
            stream.seek(max(0, begin + place - length))
            return stream.read(length)
        except OSError as exc:
            files.note(path, "cannot be read: %s" % exc.strerror)
            return b""
