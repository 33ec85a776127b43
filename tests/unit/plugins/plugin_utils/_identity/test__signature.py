# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verification of signed identity documents: what is accepted, and the reason why a document is refused."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.alicloud.imds.plugins.filter.verified_identity import FilterModule
from ansible_collections.alicloud.imds.plugins.module_utils._common import _programs
from ansible_collections.alicloud.imds.plugins.plugin_utils._identity import _signature
from ansible_collections.alicloud.imds.plugins.plugin_utils._identity._document import IdentityError
from ansible_collections.alicloud.imds.plugins.plugin_utils._identity._signature import (
    CERTIFICATE,
    CannotVerify,
    certificate_path,
    verified,
)
from imds_emulator import identity

from .documents import DOCUMENT, certificate, document, signed, text

# Each test starts openssl.
pytestmark = pytest.mark.slow

__all__ = ["certificate"]  # a fixture
AUDIENCE = "audience"


def test_the_signed_document_of_this_audience_is_accepted(certificate: str) -> None:
    assert verified(document(), AUDIENCE, certificate) == DOCUMENT
    one_line = "".join(document().split())
    assert verified(one_line, AUDIENCE, certificate)["instance-id"] == "i-web1"


def refused(pkcs7: object, certificate: str, audience: str = AUDIENCE) -> str:
    with pytest.raises(IdentityError) as caught:
        verified(pkcs7, audience, certificate)  # type: ignore[arg-type]
    return str(caught.value)


def test_a_document_of_another_run_host_or_time_is_refused(certificate: str) -> None:
    assert "for another audience" in refused(document("an earlier run"), certificate)
    assert "for another audience" in refused(document(AUDIENCE + " "), certificate)
    assert "not requested for an audience" in refused(identity.pkcs7(text()), certificate)


def test_a_tampered_document_is_refused(certificate: str) -> None:
    data = base64.b64decode(document())
    changed = base64.b64encode(data.replace(b'"i-web1"', b'"i-good"')).decode()
    assert "The signature is invalid, or was not made with the key of the certificate" in refused(changed, certificate)
    other = base64.b64encode(data.replace(b"audience", b"audienc3", 1)).decode()
    assert "OpenSSL: " in refused(other, certificate)


# The name and serial number of the emulator's certificate, by which a message names its signer, and others.
SAME = ("/C=CN/ST=Unknown/L=Unknown/O=alicloud.imds emulator/OU=test only/CN=Emulated instance identity", "0x1a2b3c4d")
OTHER = ("/CN=Another signer", "0x5")


def self_signed(folder: Path, content: str, name: str, serial: str) -> str:
    """Return *content* signed with a new key, whose certificate is in the message."""
    (folder / "content").write_text(content)
    new = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out own.pem -days 1 -set_serial".split()
    subprocess.run([*new, serial, "-subj", name], cwd=folder, check=True, capture_output=True)
    sign = "openssl cms -sign -in content -signer own.pem -inkey key.pem -outform DER -nodetach -binary -out signed"
    subprocess.run(sign.split(), cwd=folder, check=True, capture_output=True)
    return base64.b64encode((folder / "signed").read_bytes()).decode()


@pytest.mark.parametrize(("name", "serial"), [SAME, OTHER], ids=["same-name", "other-name"])
def test_a_self_signed_document_is_refused_although_its_certificate_is_in_it(
    certificate: str, tmp_path: Path, name: str, serial: str
) -> None:
    forged = self_signed(tmp_path, identity.with_audience(text(), AUDIENCE), name, serial)
    assert verified(forged, AUDIENCE, str(tmp_path / "own.pem")) == DOCUMENT, "a valid document of another signer"
    assert "The signature is invalid, or was not made with the key of the certificate" in refused(forged, certificate)


def test_the_default_certificate_is_that_of_the_service(certificate: str) -> None:
    assert "The signature is invalid, or was not made with the key of the certificate " + CERTIFICATE in refused(
        document(), CERTIFICATE
    )
    shown = subprocess.run(
        ["openssl", "x509", "-in", CERTIFICATE, "-noout", "-fingerprint", "-sha256"], capture_output=True, check=True
    )
    assert (
        b"09:02:59:56:E3:89:5B:FD:DE:CC:DC:9B:37:52:75:34:CD:AF:50:1B:FC:81:4B:E8:80:8A:12:F8:71:0A:19:41"
        in shown.stdout
    )
    assert certificate_path(None, {}) == CERTIFICATE
    assert certificate_path(None, {"ALICLOUD_IMDS_IDENTITY_CERTIFICATE": "/x.pem"}) == "/x.pem"
    assert certificate_path("~/x.pem", {"ALICLOUD_IMDS_IDENTITY_CERTIFICATE": "/x.pem"}) == os.path.expanduser(
        "~/x.pem"
    )


def test_an_audience_cannot_add_members_to_the_document(certificate: str) -> None:
    """A service that does not escape the audience would sign a second instance ID that the host chose."""
    injected = text()[:-1] + ',"audience":"x","instance-id":"i-good","audience":"audience"}'
    assert "a member occurs twice" in refused(signed(injected), certificate)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "x",
        '"text"',
        "[" * 20000,
        '{"audience":"audience"}',
        '{"instance-id":"","audience":"audience"}',
        '{"instance-id":["i-web1"],"audience":"audience"}',
        '{"instance-id":"i-web1","audience":["audience"]}',
    ],
)
def test_signed_content_that_is_no_document_is_refused(certificate: str, content: str) -> None:
    assert "is not an identity document" in refused(signed(content), certificate)


@pytest.mark.parametrize("pkcs7", [None, 7, ["x"], "", "A" * 65537, "not base64!", "\u00e9", "AAAA", "MAA="])
def test_what_is_no_signature_is_refused(certificate: str, pkcs7: object) -> None:
    assert refused(pkcs7, certificate)


def test_a_message_without_a_signer_is_refused(certificate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = identity.with_audience(text(), AUDIENCE)
    whole = identity.der.set_of
    monkeypatch.setattr(
        identity.der, "set_of", lambda *items: whole(*items[:0]) if len(items[0]) > 99 else whole(*items)
    )
    assert "no signers" in refused(signed(content), certificate)


def test_a_controller_that_cannot_verify_says_why(
    certificate: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CannotVerify, match="Cannot read the certificate .*none.pem: No such file or directory"):
        verified(document(), AUDIENCE, str(tmp_path / "none.pem"))
    monkeypatch.setattr(_signature, "_TIMEOUT", 0.2)
    monkeypatch.setattr(_programs, "_PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "openssl").write_text("#!/bin/sh\nsleep 600\n")
    (tmp_path / "openssl").chmod(0o755)
    with pytest.raises(CannotVerify, match="openssl cms .* did not end within 0.2 s"):
        verified(document(), AUDIENCE, certificate)
    monkeypatch.setattr(_programs, "_PATH", str(tmp_path / "none"))
    with pytest.raises(CannotVerify, match="The controller has no program openssl"):
        verified(document(), AUDIENCE, certificate)


def test_openssl_gets_neither_the_environment_nor_the_working_directory(
    certificate: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "openssl").write_text(f"#!/bin/sh\nenv > {tmp_path}/seen; pwd >> {tmp_path}/seen; exit 1\n")
    (tmp_path / "openssl").chmod(0o755)
    monkeypatch.setenv("OPENSSL_CONF", "/evil")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret")
    monkeypatch.setattr(_programs, "_PATH", f"{tmp_path}:/usr/bin:/bin")
    refused(document(), certificate)
    seen = (tmp_path / "seen").read_text().splitlines()
    assert seen[-1] == "/" and not any("OPENSSL_CONF" in line or "SECRET" in line for line in seen)


def test_the_filter_returns_the_document_or_fails_with_the_reason(certificate: str) -> None:
    call = FilterModule().filters()["verified_identity"]
    assert call(document(), AUDIENCE, certificate) == DOCUMENT
    with pytest.raises(AnsibleFilterError, match="Cannot verify the identity: The document was requested for another"):
        call(document(), "other", certificate)
    for audience in (None, "", 5):
        with pytest.raises(AnsibleFilterError, match="'audience' must be a text"):
            call(document(), audience, certificate)
