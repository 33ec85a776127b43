# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sign API requests with the V3 signature (ACS3-HMAC-SHA256).

Pure functions, except for the time and the nonce. Source: Alibaba Cloud, "V3 request syntax and signature method". Where it does not
specify a form (booleans, lists, which headers are signed), this follows the vendor's Python SDK.
"""

import hashlib
import hmac
import time
import typing as t
import uuid
from urllib.parse import quote, unquote_plus, urlsplit

from .._common._utc import format_utc
from ._requests import AuthBase

if t.TYPE_CHECKING:
    from ._credentials import Credentials
    from ._requests import PreparedRequest

ALGORITHM = "ACS3-HMAC-SHA256"
_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
# Signed in addition to host and x-acs-*, if they are sent. Headers that requests adds itself (Content-Length) are not signed.
_SIGNED = frozenset(("accept", "content-type", "user-agent"))


class Signature(t.NamedTuple):
    """The three strings of the signature, each computed from the one before."""

    canonical_request: str
    string_to_sign: str
    authorization: str


def flatten(parameters: t.Mapping[str, t.Any]) -> t.Dict[str, str]:
    """Return the parameters as strings: lists become ``Name.1``, dictionaries ``Name.Key``; None and empty lists are omitted."""
    flat: t.Dict[str, str] = {}
    for name, value in parameters.items():
        _flatten(name, value, flat)
    return flat


def _flatten(name: str, value: t.Any, flat: t.Dict[str, str]) -> None:
    if isinstance(value, str):
        flat[name] = value
    elif isinstance(value, t.Mapping):
        for key, item in value.items():
            _flatten("%s.%s" % (name, key), item, flat)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value, 1):
            _flatten("%s.%d" % (name, number), item, flat)
    elif value is not None:
        flat[name] = str(value)


def canonical_query(parameters: t.Mapping[str, str]) -> str:
    """Return the query string to sign and to send: sorted, with RFC 3986 encoding."""
    return "&".join(["%s=%s" % (_encode(name), _encode(parameters[name])) for name in sorted(parameters)])


def _encode(text: str) -> str:
    return quote(text, safe="~")


def sign(
    method: str,
    path: str,
    query: str,
    headers: t.Mapping[str, str],
    body_sha256: str,
    access_key_id: str,
    access_key_secret: str,
) -> Signature:
    """Return the signature of a request with all these *headers*; *query* is the result of ``canonical_query``."""
    named = sorted([(name.lower(), value.strip()) for name, value in headers.items()])
    lines = "".join(["%s:%s\n" % header for header in named])
    names = ";".join([name for name, _value in named])
    canonical = "%s\n%s\n%s\n%s\n%s\n%s" % (method, path or "/", query, lines, names, body_sha256)
    to_sign = "%s\n%s" % (ALGORITHM, hashlib.sha256(canonical.encode("utf-8")).hexdigest())
    signature = hmac.new(access_key_secret.encode("utf-8"), to_sign.encode("ascii"), hashlib.sha256).hexdigest()
    authorization = "%s Credential=%s,SignedHeaders=%s,Signature=%s" % (ALGORITHM, access_key_id, names, signature)
    return Signature(canonical, to_sign, authorization)


class V3Auth(AuthBase):
    """Sign a prepared request. *clock* returns the Unix time, *nonce* a string that was never used before."""

    def __init__(
        self,
        credentials: "Credentials",
        clock: t.Callable[[], float] = time.time,
        nonce: t.Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._credentials = credentials
        self._clock = clock
        self._nonce = nonce

    def __call__(self, request: "PreparedRequest") -> "PreparedRequest":
        headers = request.headers
        url = urlsplit(request.url or "")
        body_sha256 = _sha256(request.body)
        headers["host"] = url.netloc.rpartition("@")[2]
        headers["x-acs-content-sha256"] = body_sha256
        headers["x-acs-date"] = format_utc(self._clock())
        headers["x-acs-signature-nonce"] = self._nonce()
        if self._credentials.security_token:
            headers["x-acs-accesskey-id"] = self._credentials.access_key_id
            headers["x-acs-security-token"] = self._credentials.security_token
        signed = {name: str(value) for name, value in headers.items() if _is_signed(name.lower())}
        headers["Authorization"] = sign(
            request.method or "POST",
            url.path,
            canonical_query(_decoded(url.query)),
            signed,
            body_sha256,
            self._credentials.access_key_id,
            self._credentials.access_key_secret,
        ).authorization
        return request


def _sha256(body: t.Any) -> str:
    """Return the digest of a string, bytes or an empty body; raise TypeError for a body that is a stream."""
    if not body:
        return _EMPTY_SHA256
    return hashlib.sha256(body.encode("utf-8") if isinstance(body, str) else body).hexdigest()


def _is_signed(name: str) -> bool:
    return name.startswith("x-acs-") or name == "host" or name in _SIGNED


def _decoded(query: str) -> t.Dict[str, str]:
    pairs = [part.partition("=") for part in query.split("&") if part]
    return {unquote_plus(name): unquote_plus(value) for name, _equals, value in pairs}
