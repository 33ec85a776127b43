# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Java archives on this host hold a library that is too old for tokens? Private to the collection.

Only names are looked at: that of the archive, and those in its directory (an application often holds its libraries as
archives within). A library whose classes were merged into the application is seen, but not its version.
"""

from __future__ import annotations

import os
import re
import struct
import typing as t

from ._files import Files
from ._findings import Finding
from ._libraries import Library, judge

# D1, C4
LIBRARY = Library("java_credentials_too_old", "credentials-java", "semver", "0.3.10", opt_in="0.3.1")
_NAME = re.compile(rb"(?:\A|[/\\])credentials-java-(\d[0-9A-Za-z.]*(?:-(?!sources|javadoc)[0-9A-Za-z.]+)?)\.jar")
_MERGED = b"META-INF/maven/com.aliyun/credentials-java/pom.properties"
_END = struct.Struct("<4s4H2LH")
_MOST_DIRECTORY = 1 << 24


def named(path: str) -> t.Optional[str]:
    """The version in the name of an archive; None if it is another library."""
    found = _NAME.search(os.fsencode("/" + os.path.basename(path)))
    return found.group(1).decode() if found else None


def check(files: Files, paths: t.Sequence[str]) -> t.Iterator[Finding]:
    """A finding for each archive that is, or holds, a version that is too old."""
    for path in paths:
        version = named(path)
        if version:
            yield from judge(LIBRARY, version, files.shown(path))
            continue
        names = _directory(files, path)
        versions = {found.decode() for found in _NAME.findall(names)}
        for inner in sorted(versions):
            yield from judge(LIBRARY, inner, files.shown(path), inside=True)
        if not versions and _MERGED in names:
            yield from judge(LIBRARY, None, files.shown(path), inside=True)


def _directory(files: Files, path: str) -> bytes:
    """The directory of a zip archive as it is; empty if there is none."""
    stream = files.open(path)
    if stream is None:
        return b""
    with stream:
        try:
            size = stream.seek(0, os.SEEK_END)
            begin = max(0, size - _END.size - 0xFFFF)
            stream.seek(begin)
            tail = stream.read()
            place = tail.rfind(b"PK\x05\x06")
            if place < 0 or len(tail) - place < _END.size:
                files.note(path, "is no archive that can be read")
                return b""
            length, start = _END.unpack_from(tail, place)[5:7]
            if length > _MOST_DIRECTORY or start > size:
                files.note(path, "its directory is too large to be looked at")
                return b""
            # data may stand before the archive proper: count back from the end
            stream.seek(max(0, begin + place - length))
            return stream.read(length)
        except OSError as exc:
            files.note(path, "cannot be read: %s" % exc.strerror)
            return b""
