# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encode the ASN.1 elements of a PKCS#7 signature in DER, and read elements of a certificate."""

from __future__ import annotations

import typing as t


def tlv(tag: int, *content: bytes) -> bytes:
    """Return an element with its tag and length."""
    body = b"".join(content)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def sequence(*content: bytes) -> bytes:
    """Return a SEQUENCE."""
    return tlv(0x30, *content)


def set_of(*content: bytes) -> bytes:
    """Return a SET."""
    return tlv(0x31, *content)


def octets(content: bytes) -> bytes:
    """Return an OCTET STRING."""
    return tlv(0x04, content)


def explicit(number: int, content: bytes) -> bytes:
    """Return an element with the explicit context tag *number*."""
    return tlv(0xA0 | number, content)


def null() -> bytes:
    """Return NULL."""
    return b"\x05\x00"


def integer(value: int) -> bytes:
    """Return an INTEGER, which must not be negative."""
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(text: str) -> bytes:
    """Return an OBJECT IDENTIFIER given in dotted form."""
    first, second, *rest = (int(part) for part in text.split("."))
    body = bytes((40 * first + second,))
    for number in rest:
        digits = [number & 0x7F]
        while number > 0x7F:
            number >>= 7
            digits.append(0x80 | (number & 0x7F))
        body += bytes(reversed(digits))
    return tlv(0x06, body)


def read(data: bytes, at: int) -> t.Tuple[int, int, int]:
    """Return (tag, start of the content, end of the content) of the element at the offset *at*."""
    tag, length, start = data[at], data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(data[start : start + size], "big"), start + size
    return tag, start, start + length
