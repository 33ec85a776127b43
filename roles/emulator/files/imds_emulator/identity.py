# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create the instance identity document and its PKCS#7 signature.

Structure of the signature, as in the sample that Alibaba Cloud publishes: SignedData version 1, SHA-1, attached content,
no certificate, no signed attributes, one RSA-2048 signer identified by issuer and serial number.
"""

from __future__ import annotations

import base64
import hashlib
import json
import typing as t

from . import der
from .test_key import CERTIFICATE, MODULUS, PRIVATE_EXPONENT

_DATA = der.oid("1.2.840.113549.1.7.1")
_SIGNED_DATA = der.oid("1.2.840.113549.1.7.2")
_SHA1 = der.sequence(der.oid("1.3.14.3.2.26"), der.null())
_RSA = der.sequence(der.oid("1.2.840.113549.1.1.1"), der.null())


def document(settings: t.Mapping[str, t.Any]) -> str:
    """Return the identity document: compact JSON with text values, keys in the order of the service."""
    first = settings["network_interfaces"][0]
    members = {
        "zone-id": settings["zone_id"],
        "serial-number": settings["serial_number"],
        "instance-id": settings["instance_id"],
        "region-id": settings["region_id"],
        "private-ipv4": first["primary_ip_address"],
        "owner-account-id": settings["owner_account_id"],
        "mac": first["mac"],
        "image-id": settings["image_id"],
        "instance-type": settings["instance_type"],
    }
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"))


def with_audience(text: str, audience: str) -> str:
    """Return the document with the member `audience` appended, which is what is signed for an audience."""
    return '%s,"audience":%s}' % (text[:-1], json.dumps(audience, ensure_ascii=False))


def pkcs7(text: str, audience: t.Optional[str] = None) -> str:
    """Return the signature in Base64, in lines of 64 characters without a final newline."""
    content = (text if audience is None else with_audience(text, audience)).encode("utf-8")
    encoded = base64.b64encode(signed_data(content)).decode("ascii")
    return "\n".join(encoded[at : at + 64] for at in range(0, len(encoded), 64))


def signed_data(content: bytes) -> bytes:
    """Return the DER encoding of the PKCS#7 SignedData of *content*."""
    serial, issuer = _certificate_names()
    signer = der.sequence(
        der.integer(1),
        der.sequence(issuer, serial),
        _SHA1,
        _RSA,
        der.octets(_rsa_sign(hashlib.sha1(content).digest())),
    )
    body = der.sequence(
        der.integer(1),
        der.set_of(_SHA1),
        der.sequence(_DATA, der.explicit(0, der.octets(content))),
        der.set_of(signer),
    )
    return der.sequence(_SIGNED_DATA, der.explicit(0, body))


def _rsa_sign(digest: bytes) -> bytes:
    """Sign a SHA-1 digest with RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2)."""
    size = (MODULUS.bit_length() + 7) // 8
    info = der.sequence(_SHA1, der.octets(digest))
    padded = b"\x00\x01" + b"\xff" * (size - 3 - len(info)) + b"\x00" + info
    return pow(int.from_bytes(padded, "big"), PRIVATE_EXPONENT, MODULUS).to_bytes(size, "big")


def _certificate_names() -> t.Tuple[bytes, bytes]:
    """Return (serial number, issuer) of the certificate as DER elements."""
    data = base64.b64decode("".join(CERTIFICATE.splitlines()[1:-1]))
    _tag, at, _end = der.read(data, 0)
    _tag, at, _end = der.read(data, at)  # tbsCertificate: serial number, algorithm, issuer
    ends = [at]
    for _element in range(3):
        ends.append(der.read(data, ends[-1])[2])
    return data[ends[0] : ends[1]], data[ends[2] : ends[3]]
