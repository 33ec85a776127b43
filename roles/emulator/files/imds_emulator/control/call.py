# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse an API call: operation, parameters and response format.

V3 calls have operation and signature in headers and parameters in the query or a form body. V1 calls have everything in
the query or a form body. A parse error is stored in `Call.wrong`, so that the call is still recorded.
"""

from __future__ import annotations

import hashlib
import typing as t
from urllib.parse import parse_qsl

from ..request import Request
from .errors import ApiError

#: Parameters of V1 that are not parameters of the operation.
V1_OWN = (
    "AccessKeyId",
    "Action",
    "Format",
    "SecurityToken",
    "Signature",
    "SignatureMethod",
    "SignatureNonce",
    "SignatureType",
    "SignatureVersion",
    "Timestamp",
    "Version",
)
LONGEST = 64  #: characters of a client's text that are recorded


class Call:
    """A parsed API call."""

    def __init__(self, request: Request, body: bytes) -> None:
        self.request = request
        self.body = body
        self.wrong: t.Optional[ApiError] = None
        self.query: t.List[t.Tuple[str, str]] = []
        self.form: t.List[t.Tuple[str, str]] = []
        self._decode()
        self.parameters: t.Dict[str, str] = dict(self.query + self.form)
        if self.wrong is None and len(self.parameters) < len(self.query) + len(self.form):
            self.wrong = ApiError("InvalidParameter", "A parameter is specified twice.")
        self.own: t.Dict[str, str] = {}  #: V1_OWN parameters of a V1 call
        self.version = "v1" if "Signature" in self.parameters else "v3"
        if self.version == "v3" and "x-acs-action" not in request.headers and "Action" in self.parameters:
            self.version = "v1"
        if self.version == "v1":
            self.own = {name: self.parameters.pop(name) for name in V1_OWN if name in self.parameters}
            self.action, self.product_version = self.own.get("Action", ""), self.own.get("Version", "")
            self.xml = self.own.get("Format", "XML").upper() != "JSON"
        else:
            self.action = request.headers.get("x-acs-action", "")
            self.product_version = request.headers.get("x-acs-version", "")
            accept = request.headers.get("accept", "").lower()
            self.xml = "xml" in accept and "json" not in accept
        self.access_key = ""  #: set by signature.claim(); not verified

    @property
    def region(self) -> str:
        """Return the parameter RegionId, or empty text."""
        return self.parameters.get("RegionId", "")

    @property
    def instance(self) -> str:
        """Return the parameter InstanceId, or empty text."""
        return self.parameters.get("InstanceId", "")

    def digest(self) -> str:
        """Return a hash of operation and parameters, which identifies repeated calls without revealing values."""
        text = repr((self.action, sorted(self.parameters.items())))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]

    def _decode(self) -> None:
        form = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            if self.request.query:
                self.query = parse_qsl(self.request.query, keep_blank_values=True, errors="strict")
            if self.body and form == "application/x-www-form-urlencoded":
                self.form = parse_qsl(self.body.decode("ascii"), keep_blank_values=True, errors="strict")
        except ValueError:
            self.wrong = ApiError("InvalidParameter", "The parameters are not percent-encoded UTF-8.")


def short(text: str) -> str:
    """Return a client's text, shortened and without control characters, for the journal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:LONGEST])
