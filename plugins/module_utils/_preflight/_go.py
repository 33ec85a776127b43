# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the build information of Go programs, without running them.

The linker writes the list of modules into the ELF section .go.buildinfo, also in stripped programs. Compressed programs (UPX)
have no such section. Since Go 1.18 (2022) the section itself holds the list; older forms are not read.
"""

import struct
import typing as t

from ._files import Files

_MAGIC = b"\xff Go buildinf:"
_MAX_SECTIONS = 1000
_MAX_BYTES = 1 << 20
# A marker of 16 bytes precedes and follows the list.
_MARK = 16


class BuildInfo(t.NamedTuple):
    """Path (``program``) and version of the main module, and the version of each dependency (``modules``) by its path."""

    program: str
    version: str
    modules: t.Dict[str, str]


def read(files: Files, real: str) -> t.Optional[BuildInfo]:
    """Return the build information of the program at *real*; None if it has none."""
    stream = files.open(real)
    if stream is None:
        return None
    with stream:
        return read_open(stream)


def read_open(stream: t.BinaryIO) -> t.Optional[BuildInfo]:
    """Return the build information of an open program; None if it has none."""
    try:
        content = _section(stream, b".go.buildinfo")
    except (OSError, struct.error, ValueError, OverflowError):
        return None
    return parse(content)


def parse(content: bytes) -> t.Optional[BuildInfo]:
    """Parse the *content* of the section; return None if it is not build information."""
    if not content.startswith(_MAGIC) or len(content) < 33 or not content[15] & 2:
        return None
    _version, place = _string(content, 32)
    listed, _place = _string(content, place)
    if len(listed) < 2 * _MARK + 1:
        return None
    program = version = ""
    modules: t.Dict[str, str] = {}
    last = ""
    for line in listed[_MARK:-_MARK].decode("utf-8", "replace").split("\n"):
        fields = line.split("\t")
        if len(fields) < 3:
            continue
        if fields[0] == "mod":
            program, version = fields[1], fields[2]
        elif fields[0] == "dep":
            last = fields[1]
            modules[last] = fields[2]
        elif fields[0] == "=>" and last:
            # A "replace" directive: another module was built under this path.
            modules[last] = fields[2] or "replaced"
    return BuildInfo(program, version, modules)


def _string(content: bytes, place: int) -> t.Tuple[bytes, int]:
    """Return the string at *place*, which follows its length as a varint, and the place after it."""
    length = shift = 0
    while place < len(content) and shift < 35:
        byte = content[place]
        length |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if not byte & 0x80:
            return content[place : place + length], place + length
    return b"", len(content)


def _section(stream: t.BinaryIO, name: bytes) -> bytes:
    """Return at most 1 MiB of an ELF section; empty if the file has no such section."""
    head = stream.read(64)
    if head[:4] != b"\x7fELF" or len(head) < 64 or head[5] not in (1, 2):
        return b""
    order = "<" if head[5] == 1 else ">"
    wide = head[4] == 2
    table = struct.unpack_from(order + ("Q" if wide else "L"), head, 40 if wide else 32)[0]
    size, number, names = struct.unpack_from(order + "3H", head, 58 if wide else 46)
    # The fields name, offset and length of a section header.
    layout = order + ("L20xQQ" if wide else "L12xLL")
    if not names < number <= _MAX_SECTIONS or size < struct.calcsize(layout):
        return b""
    stream.seek(table)
    headers = stream.read(number * size)
    sections = [struct.unpack_from(layout, headers, place * size) for place in range(number)]
    stream.seek(sections[names][1])
    texts = stream.read(min(sections[names][2], _MAX_BYTES))
    for text, offset, length in sections:
        if texts[text : texts.find(b"\0", text)] == name:
            stream.seek(offset)
            return stream.read(min(length, _MAX_BYTES))
    return b""
