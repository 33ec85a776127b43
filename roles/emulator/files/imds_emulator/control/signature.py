# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verify signatures of calls: V3 (ACS3-HMAC-SHA256) and V1 (HMAC-SHA1).

Pure functions. The expected signature is computed from the received request line, headers and body.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import typing as t
from urllib.parse import quote

from .call import Call
from .errors import ApiError

V3 = "ACS3-HMAC-SHA256"
_AUTHORIZATION = re.compile(r"(ACS3-[A-Z0-9-]+) Credential=([^,\s]+),SignedHeaders=([^,\s]+),Signature=([^,\s]+)")
#: Required headers of a V3 call.
V3_NEEDS = ("x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256")
V1_NEEDS = ("AccessKeyId", "SignatureMethod", "SignatureVersion", "SignatureNonce", "Timestamp", "Signature")


class Claim(t.NamedTuple):
    """The unverified identity and signature of a call."""

    access_key: str
    security_token: t.Optional[str]
    timestamp: str
    nonce: str
    signature: str
    signed_headers: t.Tuple[str, ...] = ()


def claim(call: Call) -> Claim:
    """Return the claim of a call, and store the access key in the call.

    Raises: ApiError if a header or parameter is missing.
    """
    return _claim_v3(call) if call.version == "v3" else _claim_v1(call)


def expected(call: Call, claimed: Claim, secret: str) -> t.Tuple[str, str]:
    """Return (signature, string to sign) that a call must have."""
    if call.version == "v3":
        text = V3 + "\n" + hashlib.sha256(_canonical_v3(call, claimed).encode("utf-8")).hexdigest()
        return hmac.new(secret.encode("utf-8"), text.encode("utf-8"), hashlib.sha256).hexdigest(), text
    text = _text_v1(call)
    digest = hmac.new((secret + "&").encode("utf-8"), text.encode("utf-8"), hashlib.sha1).digest()
    return base64.b64encode(digest).decode("ascii"), text


def check(call: Call, claimed: Claim, secret: str) -> None:
    """Verify the signature of a call.

    Raises: ApiError if it does not match.
    """
    right, text = expected(call, claimed, secret)
    same = hmac.compare_digest(right.encode("utf-8"), claimed.signature.encode("utf-8"))
    if not same or (call.version == "v3" and not _covers(call, claimed)):
        raise ApiError("SignatureDoesNotMatch", text=text)


def _claim_v3(call: Call) -> Claim:
    headers = call.request.headers
    if "authorization" not in headers:
        raise ApiError("MissingParameter", name="Authorization")
    found = _AUTHORIZATION.fullmatch(headers["authorization"])
    if found is None:
        raise ApiError("IncompleteSignature")
    call.access_key = found.group(2)
    if found.group(1) != V3:
        raise ApiError("UnsupportedSignatureMethod")
    for name in V3_NEEDS:
        if not headers.get(name):
            raise ApiError("MissingParameter", name=name)
    return Claim(
        call.access_key,
        headers.get("x-acs-security-token"),
        headers["x-acs-date"],
        headers["x-acs-signature-nonce"],
        found.group(4),
        tuple(sorted(found.group(3).split(";"))),
    )


def _claim_v1(call: Call) -> Claim:
    own = call.own
    call.access_key = own.get("AccessKeyId", "")
    for name in V1_NEEDS:
        if not own.get(name):
            raise ApiError("MissingParameter", name=name)
    if own["SignatureMethod"] != "HMAC-SHA1" or own["SignatureVersion"] != "1.0" or own.get("SignatureType"):
        raise ApiError("UnsupportedSignatureMethod")
    return Claim(call.access_key, own.get("SecurityToken"), own["Timestamp"], own["SignatureNonce"], own["Signature"])


def _covers(call: Call, claimed: Claim) -> bool:
    """Return whether host, all x-acs- headers, the content type and the body are signed."""
    headers = call.request.headers
    needed = [name for name in headers if name.startswith("x-acs-")] + ["host"]
    if "content-type" in headers:
        needed.append("content-type")
    signed = set(claimed.signed_headers)
    present = all(name in headers for name in signed) and all(name in signed for name in needed)
    return present and headers["x-acs-content-sha256"] == hashlib.sha256(call.body).hexdigest()


def _canonical_v3(call: Call, claimed: Claim) -> str:
    headers = call.request.headers
    lines = ["%s:%s\n" % (name, _as_sent(headers.get(name, ""))) for name in claimed.signed_headers]
    parts = [call.request.method, call.request.path, _joined(call.query), "".join(lines)]
    return "\n".join([*parts, ";".join(claimed.signed_headers), headers["x-acs-content-sha256"]])


def _as_sent(value: str) -> str:
    """Return a header value in UTF-8, as clients sign it. Headers are received as Latin-1."""
    return value if value.isascii() else value.encode("latin-1").decode("utf-8", "replace")


def _text_v1(call: Call) -> str:
    pairs = [pair for pair in call.query + call.form if pair[0] != "Signature"]
    return "%s&%%2F&%s" % (call.request.method, _quoted(_joined(pairs)))


def _joined(pairs: t.List[t.Tuple[str, str]]) -> str:
    return "&".join("%s=%s" % (_quoted(name), _quoted(value)) for name, value in sorted(pairs))


def _quoted(text: str) -> str:
    return quote(text, safe="~")
