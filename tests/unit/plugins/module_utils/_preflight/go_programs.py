# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ELF files with build information of Go, as its linker writes them."""

from __future__ import annotations

import struct

CREDENTIALS, SDK = "github.com/aliyun/credentials-go", "github.com/aliyun/alibaba-cloud-sdk-go"


def varint(number: int) -> bytes:
    return bytes([number & 0x7F | 0x80]) + varint(number >> 7) if number > 0x7F else bytes([number])


def build_info(program: str, *lines: str) -> bytes:
    listed = (
        b"m" * 16 + "\n".join(["path\t" + program, "mod\t%s\t(devel)\t" % program, *lines, ""]).encode() + b"e" * 16
    )
    return b"\xff Go buildinf:\x08\x02" + b"\0" * 16 + varint(8) + b"go1.22.1" + varint(len(listed)) + listed


def elf(section: bytes, wide: bool = True, order: str = "<") -> bytes:
    """An ELF file with the sections .go.buildinfo and .shstrtab."""
    names = b"\0.go.buildinfo\0.shstrtab\0"
    head = 64
    body = b"\0" * head + section + names
    layout = order + ("LLQQQQLLQQ" if wide else "10L")
    rows = [(0, 0, 0), (1, head, len(section)), (15, head + len(section), len(names))]
    table = b"".join(struct.pack(layout, name, 1, 0, 0, offset, length, 0, 0, 1, 0) for name, offset, length in rows)
    magic = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + b"\0" * 9
    numbers = (2, 62, 1, 0, 0, len(body), 0, head, 0, 0, struct.calcsize(layout), len(rows), 2)
    header = magic + struct.pack(order + ("HHLQQQLHHHHHH" if wide else "HHLLLLLHHHHHH"), *numbers)
    return header.ljust(head, b"\0") + body[head:] + table


def dep(module: str, version: str) -> str:
    return "dep\t%s\t%s\th1:abc=" % (module, version)
