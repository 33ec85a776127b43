# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verification of the server's certificate, and the hints in its errors."""

from __future__ import annotations

import shutil
import ssl
import subprocess

import pytest
from ansible_collections.alicloud.imds.plugins.module_utils._openapi._errors import ApiError

from .scripted import Server, reply

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="the program openssl is not installed")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command.split() + names, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def server(certificate):
    with Server(lambda seen: reply({"RequestId": "R"})) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
        # The thread of the connection makes the handshake, because older urllib3 may connect and send nothing.
        listener = server._server.socket
        server._server.socket = context.wrap_socket(listener, server_side=True, do_handshake_on_connect=False)
        server.url = "https://localhost:" + server.address.split(":")[1]
        yield server


def call(transport, service):
    return transport.call(service, "DescribeRegions", "cn-hangzhou", {})


def test_an_unknown_authority_is_not_retried_and_the_hint_names_ca_bundle(
    make_transport, service, server, no_waiting
) -> None:
    with pytest.raises(ApiError, match="certificate of localhost is not trusted.*'ca_bundle'") as caught:
        call(make_transport(), service(server))
    assert caught.value.kind == "unexpected"
    assert no_waiting == [] and server.requests == []


def test_the_authority_in_ca_bundle_is_trusted(make_transport, service, server, certificate) -> None:
    assert call(make_transport(ca_bundle=str(certificate / "cert.pem")), service(server)) == {"RequestId": "R"}
    assert server.requests[0].headers["host"].startswith("localhost:")


def test_the_authority_in_requests_ca_bundle_is_trusted(
    make_transport, service, server, certificate, monkeypatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate / "cert.pem"))
    assert call(make_transport(), service(server)) == {"RequestId": "R"}


def test_a_certificate_for_another_host_is_not_trusted(make_transport, service, server, certificate) -> None:
    server.url = server.url.replace("localhost", "127.0.0.1")
    with pytest.raises(ApiError, match="certificate of 127.0.0.1 is not trusted"):
        call(make_transport(ca_bundle=str(certificate / "cert.pem")), service(server))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_missing_or_invalid_bundle_is_an_error(
    make_transport, service, server, tmp_path, no_waiting, content
) -> None:
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)
    with pytest.raises(ApiError, match="cannot read the certificates to trust.*ca.pem") as caught:
        call(make_transport(ca_bundle=str(path)), service(server))
    assert caught.value.kind == "unexpected" and no_waiting == []
