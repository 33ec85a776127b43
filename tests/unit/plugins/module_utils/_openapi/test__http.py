# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is the other side's certificate verified, and does the advice lead to the right option?"""

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
        # The handshake is the first read's, in a thread of its own: older urllib3 may connect and then say nothing.
        listener = server._server.socket
        server._server.socket = context.wrap_socket(listener, server_side=True, do_handshake_on_connect=False)
        server.url = "https://localhost:" + server.address.split(":")[1]
        yield server


def call(transport, service):
    return transport.call(service, "DescribeRegions", "cn-hangzhou", {})


def test_an_unknown_authority_is_final_and_leads_to_ca_bundle(make_transport, service, server, no_waiting) -> None:
    with pytest.raises(ApiError, match="certificate of localhost is not trusted.*'ca_bundle'") as caught:
        call(make_transport(), service(server))
    assert caught.value.kind == "unexpected"
    assert no_waiting == [] and server.requests == []


def test_a_given_authority_is_trusted(make_transport, service, server, certificate) -> None:
    assert call(make_transport(ca_bundle=str(certificate / "cert.pem")), service(server)) == {"RequestId": "R"}
    assert server.requests[0].headers["host"].startswith("localhost:")


def test_the_environment_may_name_it(make_transport, service, server, certificate, monkeypatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate / "cert.pem"))
    assert call(make_transport(), service(server)) == {"RequestId": "R"}


def test_another_name_is_not_trusted(make_transport, service, server, certificate) -> None:
    server.url = server.url.replace("localhost", "127.0.0.1")
    with pytest.raises(ApiError, match="certificate of 127.0.0.1 is not trusted"):
        call(make_transport(ca_bundle=str(certificate / "cert.pem")), service(server))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_is_none(make_transport, service, server, tmp_path, no_waiting, content) -> None:
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)
    with pytest.raises(ApiError, match="file of certificates cannot be used.*ca.pem") as caught:
        call(make_transport(ca_bundle=str(path)), service(server))
    assert caught.value.kind == "unexpected" and no_waiting == []
