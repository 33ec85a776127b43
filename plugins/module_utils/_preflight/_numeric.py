# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recognize the addresses of the metadata service written as numbers. No I/O."""

import ipaddress
import re

from .._imds._service import ADDRESS, ADDRESS_IPV6

_PART = rb"(?:0x[0-9A-Fa-f]{1,8}|\d{1,12})"
# Long decimal numbers, hexadecimal and octal ones, alone or between dots, as inet_aton() accepts them.
NUMBER = re.compile(
    rb"(?<![\w.])(?:0x[0-9A-Fa-f]{8}|0\d{11}|\d{10}|%s(?:\.%s){1,3})(?![\w])(?!\.\w)(?!/\d{1,2}\b)" % (_PART, _PART)
)
_VALUE = int(ipaddress.IPv4Address(ADDRESS))
_FIRST = ADDRESS.partition(".")[0]
# Every number that is the address contains one of these in lower case; other spellings contain two octets side by side.
NUMBER_HINTS = tuple(
    hint.encode("ascii")
    for hint in (
        "%d" % _VALUE,
        "%x" % _VALUE,
        "%o" % _VALUE,
        "%s.%d" % (_FIRST, _VALUE & 0xFFFFFF),
        "%x:%x" % (_VALUE >> 16, _VALUE & 0xFFFF),
        "%x" % (_VALUE & 0xFFFFFF),
        "%o" % (_VALUE & 0xFFFFFF),
    )
)
# The first octet in hexadecimal and octal digits, before another part.
NUMBER_STARTS = (
    (b"0x", re.compile(rb"0x0*%x\.[0-9]" % (_VALUE >> 24))),
    (b"%o." % (_VALUE >> 24), re.compile(rb"0%o\.[0-9]" % (_VALUE >> 24))),
)
# Ends of the address in notations with three or four parts that begin with two decimal octets.
NUMBER_ENDS = re.compile(
    rb"(?:%d|%d|%o|%o)(?![0-9])|0x0*(?:%x)?%x"
    % (_VALUE & 0xFF, _VALUE & 0xFFFF, _VALUE & 0xFF, _VALUE & 0xFFFF, _VALUE >> 8 & 0xFF, _VALUE & 0xFF)
)
_SIX = ipaddress.IPv6Address(ADDRESS_IPV6)
# IPv4 addresses in IPv6: mapped, and translated by NAT64.
_MAPPED = frozenset([ipaddress.IPv6Address("::ffff:" + ADDRESS), ipaddress.IPv6Address("64:ff9b::" + ADDRESS), _SIX])


def is_service_number(text: str) -> bool:
    """Return whether *text*, in the notation of inet_aton(), is the IPv4 address of the service."""
    parts = text.split(".")
    if len(parts) > 4:
        return False
    try:
        numbers = [_number(part) for part in parts]
    except ValueError:
        return False
    value = 0
    for number in numbers[:-1]:
        if number > 255:
            return False
        value = value << 8 | number
    return value << 8 * (5 - len(numbers)) | numbers[-1] == _VALUE


def is_service_v6(text: str) -> bool:
    """Return whether *text* is the IPv6 address of the service, or its IPv4 address in an IPv6 form."""
    try:
        return ipaddress.IPv6Address(text.rstrip(".")) in _MAPPED
    except ValueError:
        return False


def _number(part: str) -> int:
    """Return the number in one part: hexadecimal after 0x, octal after 0, else decimal."""
    if part[:2].lower() == "0x":
        return int(part, 16)
    return int(part, 8) if len(part) > 1 and part[0] == "0" else int(part)
