# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which operation is called, with which parameters, and in which form is the answer wanted?

Two forms of calls are known. V3: operation and signature in headers, parameters in query or form body. V1: everything
in query or form body. What a call cannot be read from is noted (``wrong``), so that it can still be journaled.
"""

from __future__ import annotations

import hashlib
import typing as t
from urllib.parse import parse_qsl

from .errors import ApiError
from ..request import Request

#: Parameters of V1 that say who calls what, not with which values.
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
LONGEST = 64  #: characters of a client's text that the journal keeps


class Call:
    def __init__(self, request: Request, body: bytes) -> None:
        self.request = request
        self.body = body
        self.wrong: t.Optional[ApiError] = None
        self.query: t.List[t.Tuple[str, str]] = []
        self.form: t.List[t.Tuple[str, str]] = []
        self._decode()
        self.parameters: t.Dict[str, str] = dict(self.query + self.form)
        if self.wrong is None and len(self.parameters) < len(self.query) + len(self.form):
            self.wrong = ApiError("InvalidParameter", "A parameter is given twice.")
        self.own: t.Dict[str, str] = {}  #: of V1: Action, Timestamp and so on
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
        self.access_key = ""  #: as the client says, set when its signature is read

    @property
    def region(self) -> str:
        return self.parameters.get("RegionId", "")

    @property
    def instance(self) -> str:
        return self.parameters.get("InstanceId", "")

    def digest(self) -> str:
        """The same for the same question: tells whether something was asked twice. Holds none of its values."""
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
            self.wrong = ApiError("InvalidParameter", "The parameters are not UTF-8 in percent-encoding.")


def short(text: str) -> str:
    """A client's text as the journal keeps it."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:LONGEST])
