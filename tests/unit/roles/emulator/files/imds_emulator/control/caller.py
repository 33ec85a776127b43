# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Call the API with signatures made here, so that tests can make each part of a call invalid."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import itertools
import json
import time
from typing import Any, Dict, NamedTuple, Optional
from urllib.parse import quote

KEY, SECRET = "LTAI5tTestTestTestTest01", "secret-of-the-test-key"
ECS, STS = "2014-05-26", "2015-04-01"
_numbers = itertools.count(1)
Parameters = Dict[str, Any]


class Reply(NamedTuple):
    status: int
    content_type: str
    text: str

    @property
    def data(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> Optional[str]:
        """Return the error code, or None for a success; fail for any other response."""
        if self.status == 200:
            assert "RequestId" in self.data
            return None
        assert set(self.data) == {"RequestId", "HostId", "Code", "Message"}
        return str(self.data["Code"])

    def instances(self) -> Any:
        assert self.status == 200, self.text
        return self.data["Instances"]["Instance"]

    def ids(self) -> Any:
        return [row["InstanceId"] for row in self.instances()]


def encode(text: Any) -> str:
    return quote(str(text), safe="~")


def now(offset: float = 0.0) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset))


def nonce() -> str:
    return "nonce-%d-%d" % (time.time_ns(), next(_numbers))


def query_of(parameters: Parameters) -> str:
    return "&".join("%s=%s" % (encode(name), encode(value)) for name, value in sorted(parameters.items()))


def send(address: str, method: str, target: str, headers: Dict[str, str], body: bytes = b"") -> Reply:
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in {"host": address, **headers, "content-length": str(len(body))}.items():
            connection.putheader(name, value.encode("utf-8"))
        connection.endheaders(body)
        answer = connection.getresponse()
        return Reply(answer.status, answer.getheader("Content-Type", ""), answer.read().decode("utf-8"))
    finally:
        connection.close()


class Caller:
    """A caller with an access key, and the address of the control plane."""

    def __init__(self, address: str, key: str = KEY, secret: str = SECRET, token: Optional[str] = None) -> None:
        self.address, self.key, self.secret, self.token = address, key, secret, token

    def v3_headers(
        self, action: str, parameters: Parameters, body: bytes = b"", method: str = "POST", **own: Optional[str]
    ) -> Dict[str, str]:
        """Return the signed headers. *own* adds or replaces headers (with _ for -); None omits one."""
        headers: Dict[str, Optional[str]] = {
            "host": self.address,
            "x-acs-action": action,
            "x-acs-version": STS if action in ("AssumeRole", "GetCallerIdentity") else ECS,
            "x-acs-date": now(),
            "x-acs-signature-nonce": nonce(),
            "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
            "accept": "application/json",
            "x-acs-security-token": self.token,
        }
        headers.update({name.replace("_", "-"): value for name, value in own.items()})
        sent = {name: value for name, value in headers.items() if value is not None}
        signed = ";".join(sorted(sent))
        lines = "".join("%s:%s\n" % (name, sent[name]) for name in sorted(sent))
        payload = sent.get("x-acs-content-sha256", "")
        canonical = "\n".join([method, "/", query_of(parameters), lines, signed, payload])
        text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode("utf-8")).hexdigest()
        signature = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        credential = "Credential=%s,SignedHeaders=%s,Signature=%s" % (self.key, signed, signature)
        return {**sent, "authorization": "ACS3-HMAC-SHA256 " + credential}

    def v3(self, action: str, parameters: Optional[Parameters] = None, method: str = "POST", **own: Any) -> Reply:
        headers = self.v3_headers(action, parameters or {}, method=method, **own)
        return send(self.address, method, "/?" + query_of(parameters or {}), headers)

    def v1_parameters(
        self, action: str, parameters: Parameters, method: str = "GET", **own: Optional[str]
    ) -> Dict[str, Any]:
        """Return all parameters, signed. *own* adds or replaces parameters; None omits one."""
        whole: Dict[str, Any] = {
            "AccessKeyId": self.key,
            "Action": action,
            "Format": "JSON",
            "SecurityToken": self.token,
            "SignatureMethod": "HMAC-SHA1",
            "SignatureNonce": nonce(),
            "SignatureVersion": "1.0",
            "Timestamp": now(),
            "Version": STS if action in ("AssumeRole", "GetCallerIdentity") else ECS,
            **parameters,
            **own,
        }
        whole = {name: value for name, value in whole.items() if value is not None}
        text = "%s&%%2F&%s" % (method, encode(query_of(whole)))
        digest = hmac.new((self.secret + "&").encode(), text.encode(), hashlib.sha1).digest()
        return {**whole, "Signature": base64.b64encode(digest).decode()}

    def v1(self, action: str, parameters: Optional[Parameters] = None, method: str = "GET", **own: Any) -> Reply:
        whole = self.v1_parameters(action, parameters or {}, method, **own)
        return send(self.address, method, "/?" + query_of(whole), {})

    def v1_form(self, action: str, parameters: Parameters) -> Reply:
        body = query_of(self.v1_parameters(action, parameters, "POST")).encode()
        return send(self.address, "POST", "/", {"content-type": "application/x-www-form-urlencoded"}, body)

    def describe(self, region: str, **parameters: Any) -> Reply:
        return self.v3("DescribeInstances", {"RegionId": region, **parameters})

    def modify(self, region: str, instance_id: str, endpoint: str = "enabled", **parameters: Any) -> Reply:
        own = {"RegionId": region, "InstanceId": instance_id, "HttpEndpoint": endpoint}
        return self.v3("ModifyInstanceMetadataOptions", {**own, **parameters})
