# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the types of a kernel, in the BPF type format."""

from __future__ import annotations

import struct

# All kinds but structures, with a name, entries, and what follows them
OTHERS = {
    1: bytes(4),
    2: b"",
    3: bytes(12),
    5: bytes(12),
    6: bytes(8),
    7: b"",
    8: b"",
    9: b"",
    10: b"",
    11: b"",
    12: b"",
    13: bytes(8),
    14: bytes(4),
    15: bytes(12),
    16: b"",
    17: bytes(4),
    18: b"",
    19: bytes(12),
}
WITH_ENTRIES = (5, 6, 13, 15, 19)


def types(structures: dict[str, dict[str, int]], magic: int = 0xEB9F, more: tuple[int, ...] = ()) -> bytes:
    """Return these *structures*, whose members have offsets in bits, after a type of each other kind, and of *more* kinds."""
    texts = b"\0cgroup_root_and_more\0"

    def text(name: str) -> int:
        nonlocal texts
        wanted = b"\0%s\0" % name.encode()
        if wanted in texts:  # a kernel has each text once
            return texts.index(wanted) + 1
        texts += name.encode() + b"\0"
        return len(texts) - len(name) - 1

    body = b""
    for kind, rest in [*OTHERS.items(), *((kind, b"") for kind in more)]:
        body += struct.pack("=III", 1, kind << 24 | (kind in WITH_ENTRIES), 4) + rest
    for name, members in structures.items():
        body += struct.pack("=III", text(name), 1 << 31 | 4 << 24 | len(members), 64)
        for member, bits in members.items():
            body += struct.pack("=III", text(member), 1, bits)
    return struct.pack("=HBBIIIII", magic, 1, 0, 24, 0, len(body), len(body), len(texts)) + body + texts
