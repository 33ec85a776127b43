# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find compiled and packed programs that hold the address and a path of the metadata service, but not the token header.

ELF programs, archives of Java and Python, ZIP files and compiled Python files are searched without being run or unpacked to
disk. An archive inside of an archive, such as a library in an application, is judged by itself. Time and memory are bounded.
"""

import io
import os
import re
import struct
import typing as t
import zipfile
import zlib

from .._common._text import one_line, printable
from .._imds._service import ADDRESS, ADDRESS_IPV6, META_DATA, TOKEN_HEADER
from ._files import Files
from ._findings import Finding, finding
from ._limits import Deadline

ARCHIVES = (".jar", ".war", ".ear", ".whl", ".egg", ".zip", ".pyz", ".pex")
_ADDRESSES = (ADDRESS.encode("ascii"), ADDRESS_IPV6.encode("ascii"))
_PLACE = META_DATA.rpartition("/")[0].rpartition("/")[2].encode("ascii")
_HEADER = TOKEN_HEADER.lower().encode("ascii")
_BLOCK, _MAX_FILE, _MAX_INSIDE = 1 << 20, 300 << 20, 32 << 20
_MAX_DIRECTORY = 1 << 22
_TAIL = 22 + 0xFFFF
# Libraries that are judged by their versions.
_KNOWN = re.compile(r"(?:\A|/)(?:credentials-java|aliyun-java-sdk-core|aliyun-sdk-oss|alipay-sdk-java)-\d[^/]*\.jar\Z")
_NO_CODE = (
    ".png",
    ".jpg",
    ".jpeg",
    ".gif",
    ".ico",
    ".svg",
    ".css",
    ".woff",
    ".woff2",
    ".ttf",
    ".md",
    ".rst",
    ".txt",
    ".html",
)
_DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, EOFError, OSError, ValueError, KeyError)
# Of the remaining time.
_SHARE = 3


class _Unit:
    """What was found in a program: an address, a path, the token header."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.address = self.path = self.header = False

    def feed(self, blocks: t.Iterable[bytes]) -> None:
        """Search the blocks of one file."""
        kept = b""
        for block in blocks:
            content = kept + block
            self.address = self.address or any(text in content for text in _ADDRESSES)
            self.path = self.path or _PLACE in content
            self.header = self.header or _HEADER in content.lower()
            kept = content[-64:]

    @property
    def suspect(self) -> bool:
        """Return whether the program may send normal-mode requests."""
        return self.address and self.path and not self.header


class _Budget:
    """How much may still be read of one file: bytes and time; ``spent`` if there was more."""

    def __init__(self, deadline: Deadline) -> None:
        self.deadline, self.left, self.spent = deadline, _MAX_FILE, False

    def blocks(self, stream: t.IO[bytes]) -> t.Iterator[bytes]:
        """Yield the blocks of a stream until the budget is spent."""
        while True:
            if self.left <= 0 or self.deadline.expired:
                self.spent = True
                return
            block = stream.read(_BLOCK)
            if not block:
                return
            self.left -= len(block)
            yield block


def check(files: Files, paths: t.Iterable[str]) -> t.Iterator[Finding]:
    """Yield a finding for each program or archive among the real *paths* that may send normal-mode requests."""
    deadline = Deadline(files.deadline.remaining() / _SHARE)
    omitted = 0
    for path in paths:
        shown = files.shown(path)
        # Programs of the distribution are known by their names; reading all of them takes seconds.
        if re.match(r"/(?:usr/)?(?:s?bin|lib\w*|libexec)/", shown) or _KNOWN.search(shown):
            continue
        if path.endswith(".pyc") and os.path.lexists(path[:-1]):
            continue  # the source is judged as a script
        if deadline.expired:
            omitted += 1
            continue
        for name in _suspects(files, path, shown, deadline):
            yield finding("program_normal_mode", path=name)
    if omitted:
        files.note(files.real("/"), "%d programs and archives were not searched: the time for it is used up" % omitted)


def _suspects(files: Files, path: str, shown: str, deadline: Deadline) -> t.Iterator[str]:
    """Yield the names of the program, or of archives in it, that may send normal-mode requests."""
    stream = files.open(path)
    if stream is None:
        return
    budget = _Budget(deadline)
    units: t.List[_Unit] = []
    with stream:
        try:
            if path.endswith(ARCHIVES):
                _archive(files, path, stream, _Unit(shown), units, budget)
            elif path.endswith(".pyc") or stream.read(4) == b"\x7fELF":
                units.append(_Unit(shown))
                units[0].feed(budget.blocks(stream))
        except _DAMAGED as exc:
            files.note(path, "cannot be searched: %s" % type(exc).__name__)
    # What was not read may hold the header.
    if budget.spent:
        files.note(path, "only a part of it was searched")
    yield from (unit.name for unit in units if unit.suspect)


def _archive(files: Files, path: str, stream: t.IO[bytes], unit: _Unit, units: t.List[_Unit], budget: _Budget) -> None:
    """Add the *unit* of an archive, and those of the archives in it, to *units*."""
    units.append(unit)
    if not _small(stream):
        files.note(path, "is no ZIP archive, or has too many entries to be searched")
        return
    omitted = 0
    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            packed, inside = info.filename.lower().endswith(ARCHIVES), "!" in unit.name
            # Other compressions may use gigabytes of memory. An archive at the third level is not unpacked.
            readable = not info.flag_bits & 1 and info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            if not readable or (packed and inside):
                omitted += 1
                continue
            if info.filename.lower().endswith(_NO_CODE) or budget.spent:
                continue
            try:
                with archive.open(info) as inner:
                    if packed:
                        _inside(
                            files, path, inner, unit.name + "!" + printable(one_line(info.filename, 200)), units, budget
                        )
                    else:
                        unit.feed(budget.blocks(inner))
            except _DAMAGED:
                omitted += 1
    if omitted:
        files.note(path, "%d of its entries cannot be searched" % omitted)


def _inside(files: Files, path: str, inner: t.IO[bytes], name: str, units: t.List[_Unit], budget: _Budget) -> None:
    """Search an archive inside of an archive."""
    if _KNOWN.search(name.replace("!", "/")):
        return
    content = inner.read(min(_MAX_INSIDE, budget.left) + 1)
    budget.left -= len(content)
    if len(content) > _MAX_INSIDE or budget.left < 0:
        budget.spent = True
        return
    _archive(files, path, io.BytesIO(content), _Unit(name), units, budget)


def _small(stream: t.IO[bytes]) -> bool:
    """Return whether the central directory of a ZIP archive is small enough to be read."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _TAIL))
    tail = stream.read()
    place = tail.rfind(b"PK\x05\x06")
    # The form for archives of more than 4 GiB states its sizes elsewhere.
    if place < 0 or len(tail) < place + 22 or tail[max(0, place - 20) : place].startswith(b"PK\x06\x07"):
        return False
    return int.from_bytes(tail[place + 12 : place + 16], "little") <= _MAX_DIRECTORY
