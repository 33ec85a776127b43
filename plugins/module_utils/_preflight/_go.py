# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Of which modules was a Go program built? Read from its build information; the program is never run. Private.

The linker keeps the list in the ELF section .go.buildinfo, also in stripped programs. Compressed programs (upx) have none.
Since Go 1.18 (2022) the list stands in the section itself; what is older is not read.
"""

from __future__ import annotations

import struct
import typing as t

from ._files import Files

_MAGIC = b"\xff Go buildinf:"
_MOST_SECTIONS = 1000
_MOST = 1 << 20
# the list itself stands between marks of 16 bytes
_MARK = 16


class BuildInfo(t.NamedTuple):
    """``program`` is the path of the main module, ``version`` its version; ``modules`` path to version."""

    program: str
    version: str
    modules: t.Dict[str, str]


def read(files: Files, real: str) -> t.Optional[BuildInfo]:
    """The build information of the program at *real*; None if it is no Go program, or does not tell."""
    stream = files.open(real)
    if stream is None:
        return None
    with stream:
        return read_open(stream)


def read_open(stream: t.BinaryIO) -> t.Optional[BuildInfo]:
    """The same of a program that is open already."""
    try:
        content = _section(stream, b".go.buildinfo")
    except (OSError, struct.error, ValueError, OverflowError):
        return None
    return parse(content)


def parse(content: bytes) -> t.Optional[BuildInfo]:
    """What the section holds."""
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
            # built of something else under that name
            modules[last] = fields[2] or "replaced"
    return BuildInfo(program, version, modules)


def _string(content: bytes, place: int) -> t.Tuple[bytes, int]:
    """The string with its length in front (7 bits a byte) at *place*, and where it ends."""
    length = shift = 0
    while place < len(content) and shift < 35:
        byte = content[place]
        length |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if not byte & 0x80:
            return content[place : place + length], place + length
    return b"", len(content)


def _section(stream: t.BinaryIO, name: bytes) -> bytes:
    """The content of an ELF section, at most 1 MiB of it; empty if there is none."""
    head = stream.read(64)
    if head[:4] != b"\x7fELF" or len(head) < 64 or head[5] not in (1, 2):
        return b""
    order = "<" if head[5] == 1 else ">"
    wide = head[4] == 2
    table = struct.unpack_from(order + ("Q" if wide else "L"), head, 40 if wide else 32)[0]
    size, number, names = struct.unpack_from(order + "3H", head, 58 if wide else 46)
    # of each section header: name, offset, length
    layout = order + ("L20xQQ" if wide else "L12xLL")
    if not names < number <= _MOST_SECTIONS or size < struct.calcsize(layout):
        return b""
    stream.seek(table)
    headers = stream.read(number * size)
    sections = [struct.unpack_from(layout, headers, place * size) for place in range(number)]
    stream.seek(sections[names][1])
    texts = stream.read(min(sections[names][2], _MOST))
    for text, offset, length in sections:
        if texts[text : texts.find(b"\0", text)] == name:
            stream.seek(offset)
            return stream.read(min(length, _MOST))
    return b""
