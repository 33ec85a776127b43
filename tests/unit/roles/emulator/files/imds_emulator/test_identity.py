# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The identity document, and verification of its signature with OpenSSL."""

from __future__ import annotations

import base64
import functools
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, Optional
from urllib.parse import quote

import pytest

from .client import LAUNCHER, Instance

pytestmark = pytest.mark.slow

BASE = "/latest/dynamic/instance-identity/"
needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl command to verify with")


@functools.lru_cache(maxsize=None)
def certificate() -> bytes:
    return subprocess.run([str(LAUNCHER), "certificate"], capture_output=True, check=True).stdout


def verify(tmp_path: Path, body: bytes, content: str, armor: str = "CERTIFICATE") -> "subprocess.CompletedProcess[str]":
    """The vendor's procedure: armor lines around the body, then `openssl smime -verify`."""
    (tmp_path / "cert.pem").write_bytes(certificate())
    (tmp_path / "content").write_text(content, encoding="utf-8")
    pem = b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (armor.encode(), body, armor.encode())
    (tmp_path / "pkcs7.pem").write_bytes(pem)
    command = "openssl smime -verify -in pkcs7.pem -inform PEM -content content -certfile cert.pem -noverify"
    return subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True, check=False)


def verify_attached(tmp_path: Path, body: bytes, certificate_text: bytes) -> "subprocess.CompletedProcess[bytes]":
    """Verify a signature and its attached content against a trusted certificate; stdout is the content."""
    (tmp_path / "trusted.pem").write_bytes(certificate_text)
    command = "openssl cms -verify -inform DER -binary -purpose any -certfile trusted.pem -CAfile trusted.pem"
    data = base64.b64decode(body, validate=False)
    return subprocess.run(command.split(), cwd=tmp_path, input=data, capture_output=True, check=False)


def test_document(instance: Instance) -> None:
    text = instance.get(BASE + "document").text
    document: Dict[str, Any] = json.loads(text)
    assert list(document) == [
        "zone-id", "serial-number", "instance-id", "region-id", "private-ipv4",
        "owner-account-id", "mac", "image-id", "instance-type",
    ]  # fmt: skip
    assert text == json.dumps(document, separators=(",", ":"))
    assert {type(value) for value in document.values()} == {str}
    for key in ("zone-id", "instance-id", "mac", "serial-number", "private-ipv4"):
        assert instance.get("/latest/meta-data/" + key).text == document[key]


@needs_openssl
@pytest.mark.parametrize("armor", ["CERTIFICATE", "PKCS7"])
def test_signature_without_audience(instance: Instance, tmp_path: Path, armor: str) -> None:
    document = instance.get(BASE + "document").text
    reply = instance.get(BASE + "pkcs7")
    assert not reply.text.endswith("\n")
    result = verify(tmp_path, reply.body, document, armor)
    assert "Verification successful" in result.stderr
    assert verify(tmp_path, reply.body, document.replace("cn-", "us-"), armor).returncode != 0


@needs_openssl
@pytest.mark.parametrize("audience", ["random-1764000000", '{"nonce":"a b&c","time":1}', ""])
def test_signature_for_an_audience(instance: Instance, tmp_path: Path, audience: str) -> None:
    """The audience is the last member of what is signed; JSON text is escaped in it as JSON texts are."""
    document = instance.get(BASE + "document").text
    body = instance.get(BASE + "pkcs7?audience=" + quote(audience, safe="")).body
    signed = '%s,"audience":%s}' % (document[:-1], json.dumps(audience))
    assert "Verification successful" in verify(tmp_path, body, signed).stderr
    assert verify(tmp_path, body, document).returncode != 0


@needs_openssl
@pytest.mark.parametrize("audience", [None, "web-1 & \u00fc", ""])
def test_cms_verifies_content_against_the_published_certificate(
    instance: Instance, tmp_path: Path, audience: Optional[str]
) -> None:
    """The certificate is the only trust anchor, and the signed content names the audience."""
    query = "" if audience is None else "?audience=" + quote(audience, safe="")
    body = instance.get(BASE + "pkcs7" + query).body
    verified = verify_attached(tmp_path, body, certificate())
    assert verified.returncode == 0 and b"successful" in verified.stderr
    document = json.loads(verified.stdout)
    assert document.pop("audience", None) == audience
    assert document == json.loads(instance.get(BASE + "document").text)

    changed = base64.b64encode(base64.b64decode(body).replace(b'"instance-id":"i-', b'"instance-id":"j-'))
    refused = verify_attached(tmp_path, changed, certificate())
    assert refused.returncode != 0 and b"Verification failure" in refused.stderr


@needs_openssl
def test_cms_refuses_another_certificate(instance: Instance, tmp_path: Path) -> None:
    command = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=other -keyout other.key -out other.pem"
    subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=True)
    refused = verify_attached(tmp_path, instance.get(BASE + "pkcs7").body, (tmp_path / "other.pem").read_bytes())
    assert refused.returncode != 0 and b"signer certificate not found" in refused.stderr


@needs_openssl
def test_structure_is_that_of_the_published_sample(instance: Instance) -> None:
    data = base64.b64decode(instance.get(BASE + "pkcs7").body)
    command = ["openssl", "cms", "-cmsout", "-print", "-inform", "DER"]
    printed = subprocess.run(command, input=data, capture_output=True, check=True).stdout.decode()
    assert "pkcs7-signedData" in printed and "eContent:" in printed
    assert printed.count("algorithm: sha1") == 2 and "rsaEncryption" in printed
    assert "certificates:\n      <ABSENT>" in printed and "signedAttrs:\n          <ABSENT>" in printed
    content = instance.get(BASE + "document").body
    # The sample has 477 bytes beside its content, 110 of them the issuer's name. The test certificate's name has 142,
    # which also makes one length a byte longer.
    assert len(data) - len(content) == 477 - 110 + 142 + 1
