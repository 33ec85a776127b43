# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the places of members in the structures of the running kernel, from its BPF type format. Does no I/O.

Format: https://docs.kernel.org/bpf/btf.html. The kernel shows its own types in /sys/kernel/btf/vmlinux.
"""

import errno
import struct
import typing as t

_MAGIC = 0xEB9F
# Magic, version, flags, length; offset and length of the types, and of the strings
_HEADER = struct.Struct("=HBBIIIII")
_TYPE = struct.Struct("=III")  # name, kind and number of entries, size or type
_MEMBER = struct.Struct("=III")  # name, type, offset in bits
_STRUCTURE = 4
# What follows a type, by its kind: a number of bytes, and one for each entry. After an unknown kind nothing can be found.
_MORE = {
    **dict.fromkeys((2, 7, 8, 9, 10, 11, 12, 16, 18), (0, 0)),
    1: (4, 0), 3: (12, 0), _STRUCTURE: (0, 12), 5: (0, 12), 6: (0, 8), 13: (0, 8), 14: (4, 0), 15: (0, 12), 17: (4, 0), 19: (0, 12),
}  # fmt: skip

Member = t.Tuple[str, str]  # structure, member


def offsets(data: bytes, wanted: t.Sequence[Member]) -> t.Dict[Member, int]:
    """Return the offset in bytes of each member. Raises OSError if one is missing, or the format is unknown."""
    try:
        found = _offsets(data, wanted)
    except (struct.error, ValueError, LookupError):
        raise OSError(errno.EINVAL, "the types of the kernel cannot be read") from None
    missing = [member for member in wanted if member not in found]
    if missing:
        raise OSError(errno.ENOENT, "the kernel has no member %s.%s" % missing[0])
    return found


def _offsets(data: bytes, wanted: t.Sequence[Member]) -> t.Dict[Member, int]:
    magic, _version, _flags, header, types, size, texts, length = _HEADER.unpack_from(data)
    if magic != _MAGIC:
        raise ValueError("magic")
    strings = data[header + texts : header + texts + length]
    names = {strings.index(b"\0%s\0" % name.encode("ascii")) + 1: name for member in wanted for name in member}
    found: t.Dict[Member, int] = {}
    at, end = header + types, header + types + size
    while at < end:
        name, info, _size = _TYPE.unpack_from(data, at)
        kind, count = info >> 24 & 31, info & 0xFFFF
        at += _TYPE.size
        fixed, each = _MORE[kind]
        if kind == _STRUCTURE and name in names:
            for place in range(at, at + count * each, each):
                own, _type, bits = _MEMBER.unpack_from(data, place)
                member = (names[name], names.get(own, ""))
                if member in wanted:
                    found[member] = (bits & 0xFFFFFF) // 8  # the upper byte is the size of a bit field
        at += fixed + each * count
    return found
