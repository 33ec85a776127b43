# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decode the content of files: encodings, line ends, gzip, and base64 inside texts. No I/O."""

import base64
import binascii
import codecs
import re
import typing as t
import zlib

LIMIT = 1 << 20
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_BASE64 = re.compile(r"[A-Za-z0-9+/]{32,}(?:[ \t]*\n[ \t]*[A-Za-z0-9+/]{32,})*={0,2}")
_MOST_PARTS = 50
_LONGEST_PART = 1 << 17


def text_of(content: bytes) -> t.Optional[str]:
    """Return the text in *content* with LF as line end; None if it is binary."""
    if content[:2] == b"\x1f\x8b":
        content = inflated(content)
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            return _lines(content[len(bom) :].decode(encoding, "replace"))
    head = content[:512]
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(head) > 8 and head[start::2].count(0) > len(head) * 0.45 and head[1 - start :: 2].count(0) == 0:
            return _lines(content.decode(encoding, "replace"))
    return None if b"\0" in content[:4096] else _lines(content.decode("utf-8", "replace"))


def inflated(content: bytes, limit: int = LIMIT) -> bytes:
    """Return at most *limit* bytes of what the gzip or zlib data *content* holds; empty if it is invalid."""
    try:
        return zlib.decompressobj(47).decompress(content, limit)
    except zlib.error:
        return b""


def encoded_parts(text: str) -> t.Iterator[t.Tuple[int, str]]:
    """Yield the place and the decoded text of each part of *text* in base64 that holds a text."""
    for number, found in enumerate(_BASE64.finditer(text)):
        if number >= _MOST_PARTS:
            return
        whole = re.sub(r"\s", "", found.group()[:_LONGEST_PART])
        try:
            decoded = base64.b64decode(whole[: len(whole) // 4 * 4 if not whole.endswith("=") else None])
        except (binascii.Error, ValueError):
            continue
        inner = text_of(decoded)
        if inner and sum(char.isprintable() or char in "\n\t" for char in inner[:200]) > 0.9 * len(inner[:200]):
            yield found.start(), inner


def _lines(text: str) -> str:
    """Return *text* with LF as line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
