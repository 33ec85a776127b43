# Copyright: Contributors to the alicloud.imds collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the curl commands of Alibaba Cloud's page on instance metadata, and variants with common options."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable

import pytest
from conftest import ROLE, ROLE_KEYS, Ecs

SERVICE = "http://100.100.100.200"
TOKEN_URL = SERVICE + "/latest/api/token"
DATA = SERVICE + "/latest/meta-data/"
TTL = "X-aliyun-ecs-metadata-token-ttl-seconds:"
TOKEN_REQUEST = "PUT /latest/api/token token_request 200"
INSTANCE_ID = "GET /latest/meta-data/instance-id token_authenticated 200"

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


def get_token(ecs: Ecs, *options: str) -> str:
    """Return the header with a new token."""
    token = ecs.output("curl", "-s", "-X", "PUT", TOKEN_URL, "-H", TTL + "60", *options)
    assert re.fullmatch(r"[!-~]{20,256}", token)
    return "X-aliyun-ecs-metadata-token: " + token


def error_page(status: int, reason: str) -> str:
    """Return the heading of the service's page for an error."""
    return f"<h1>{status} - {reason}</h1>"


def test_documented_way(ecs: Ecs) -> None:
    """The two commands of the page work unchanged in a shell."""
    script = (
        'TOKEN=`curl -X PUT "http://100.100.100.200/latest/api/token" '
        '-H "X-aliyun-ecs-metadata-token-ttl-seconds:<time to live>"`\n'
        'curl -H "X-aliyun-ecs-metadata-token: $TOKEN" http://100.100.100.200/latest/meta-data/<item>'
    )
    script = script.replace("<time to live>", "180").replace("<item>", "instance-id")
    assert ecs.output("sh", "-c", script) == ecs.instance_id
    assert ecs.requests() == [TOKEN_REQUEST, INSTANCE_ID]
    assert ecs.journal()[0]["user_agent"].startswith("curl/")


def test_normal_mode(ecs: Ecs) -> None:
    done = ecs.run("curl", "-sv", DATA + "instance-id")
    assert "< HTTP/1.1 403 Forbidden" in done.stderr
    assert error_page(403, "Forbidden") in done.stdout
    ecs.set(http_tokens="optional")
    assert ecs.output("curl", "-s", DATA + "instance-id") == ecs.instance_id
    request = "GET /latest/meta-data/instance-id normal_mode "
    assert ecs.requests() == [request + "403", request + "200"]


@pytest.mark.parametrize(
    ("header", "status", "line", "reason"),
    [
        (TTL + "21700", 400, "Bad Request", "Missing or Invalid Parameters"),
        ("X-Forwarded-For: www.example.com", 403, "Forbidden", "Forbidden"),
    ],
)
def test_documented_token_errors(ecs: Ecs, header: str, status: int, line: str, reason: str) -> None:
    done = ecs.run("curl", "-v", "-X", "PUT", TOKEN_URL, "-H", header)
    assert done.returncode == 0
    assert f"< HTTP/1.1 {status} {line}" in done.stderr
    assert error_page(status, reason) in done.stdout
    assert ecs.requests() == [f"PUT /latest/api/token token_request {status}"]
    assert ecs.journal()[0]["forwarded"] is (status == 403)


@pytest.mark.parametrize("mode", ["required", "optional"])
def test_documented_wrong_token(ecs: Ecs, mode: str) -> None:
    ecs.set(http_tokens=mode)
    done = ecs.run("curl", "-v", "-H", "X-aliyun-ecs-metadata-token:aaa", DATA)
    assert "< HTTP/1.1 401 Unauthorized" in done.stderr
    assert error_page(401, "Unauthorized") in done.stdout
    assert ecs.requests() == ["GET /latest/meta-data/ token_authenticated 401"]


def test_role_keys(ecs: Ecs) -> None:
    """A common script reads the role's name from the listing, then its keys; also at the old path with a capital R."""
    token = get_token(ecs)
    for path in ("ram/security-credentials/", "Ram/security-credentials/"):
        name = ecs.output("curl", "-s", "-H", token, DATA + path)
        assert name == ROLE["name"]
        assert ecs.json("curl", "-s", "-H", token, DATA + path + name)["AccessKeyId"] == ROLE_KEYS["access_key_id"]
    assert ecs.modes() == {"token_request": 1, "token_authenticated": 4}


def test_fail_option(ecs: Ecs) -> None:
    """With -f, a missing item is an error without output."""
    done = ecs.run("curl", "-sf", "-H", get_token(ecs), DATA + "instance/spot/termination-time")
    assert (done.returncode, done.stdout) == (22, "")


def test_several_addresses_on_one_connection(ecs: Ecs) -> None:
    token = get_token(ecs)
    output = ecs.output("curl", "-s", "-H", token, DATA + "instance-id", DATA + "nothing", DATA + "mac")
    assert output.startswith(ecs.instance_id)
    assert output.endswith(ecs.mac)
    assert [line.split()[-1] for line in ecs.requests()] == ["200", "200", "404", "200"]
    assert ecs.connections() == 2


def test_http_1_0(ecs: Ecs) -> None:
    token = get_token(ecs, "--http1.0")
    done = ecs.run("curl", "-sv", "--http1.0", "-H", token, DATA + "instance-id")
    assert done.stdout == ecs.instance_id
    assert "< HTTP/1.0 200 OK" in done.stderr
    assert "< Connection: close" in done.stderr
    assert ecs.requests() == [TOKEN_REQUEST, INSTANCE_ID]


def test_offer_of_http_2(ecs: Ecs) -> None:
    """The service ignores an upgrade to HTTP/2, and rejects clients that start with HTTP/2."""
    assert ecs.output("curl", "-s", "--http2", "-H", get_token(ecs), DATA + "instance-id") == ecs.instance_id
    assert ecs.run("curl", "-s", "--http2-prior-knowledge", DATA).returncode != 0
    assert [entry["mode"] for entry in ecs.journal()] == ["token_request", "token_authenticated", "unparsable"]


def test_https(ecs: Ecs) -> None:
    """The service closes connections that are not HTTP at once."""
    assert ecs.run("curl", "-sk", "--max-time", "25", "https://100.100.100.200:80/").returncode == 35
    assert ecs.modes() == {"unparsable": 1}


def test_head(ecs: Ecs) -> None:
    """HEAD returns the headers of the same GET without a body; for the token it is rejected."""
    token = get_token(ecs)
    done = ecs.run("curl", "-sI", "-H", token, DATA + "instance-id", DATA + "mac")
    lengths = [line for line in done.stdout.splitlines() if line.startswith("Content-Length")]
    assert lengths == [f"Content-Length: {len(ecs.instance_id)}", f"Content-Length: {len(ecs.mac)}"]
    assert "HTTP/1.1 405" in ecs.run("curl", "-sI", TOKEN_URL).stdout
    head = "HEAD /latest/meta-data/{} token_authenticated 200"
    refused = "HEAD /latest/api/token normal_mode 405"
    assert ecs.requests() == [TOKEN_REQUEST, head.format("instance-id"), head.format("mac"), refused]
    assert ecs.connections() == 3


@pytest.mark.parametrize("options", [("-G",), ("-XPOST",), ("-d", "x"), ("-XDELETE",)], ids=lambda o: o[0])
def test_other_methods(ecs: Ecs, options: tuple[str, ...]) -> None:
    """Only PUT returns a token; other methods get status 405, as an SDK with this fault did."""
    output = ecs.output("curl", "-s", *options, "-H", TTL + "60", TOKEN_URL)
    assert error_page(405, "Method Not Allowed") in output
    assert [entry["status"] for entry in ecs.journal()] == [405]


@pytest.mark.parametrize(
    "options",
    [("-d", ""), ("-d", "body"), ("-T", "/dev/null"), ("-T", "-"), ("-d", "x", "-H", "Expect: 100-continue")],
    ids=["empty", "body", "file", "chunked", "expect"],
)
def test_token_request_with_a_body(ecs: Ecs, options: tuple[str, ...]) -> None:
    """The service ignores a body in each transfer encoding, and keeps the connection usable."""
    arguments = ("-s", "-X", "PUT", TOKEN_URL, "-H", TTL + "60", *options, "-w", "\\n")
    assert len(set(ecs.output("curl", *arguments, "--next", *arguments).split())) == 2
    assert ecs.requests() == [TOKEN_REQUEST] * 2
    assert ecs.connections() == 1


@pytest.mark.parametrize("header", ["x-aliyun-ecs-metadata-token", "X-ALIYUN-ECS-METADATA-TOKEN"])
def test_header_case(ecs: Ecs, header: str) -> None:
    token = get_token(ecs).partition(" ")[2]
    assert ecs.output("curl", "-s", "-H", f"{header}:   {token}  ", DATA + "instance-id") == ecs.instance_id


def test_paths_with_dots(ecs: Ecs) -> None:
    """curl resolves .. and . by default; the emulator treats them as names that do not exist."""
    token = get_token(ecs)

    def status(path: str, *options: str) -> str:
        written = ("-o", "/dev/null", "-w", "%{http_code}")
        return ecs.output("curl", "-s", *written, "-H", token, *options, SERVICE + path)

    assert status("/latest/user-data/../meta-data/mac") == "200"
    assert status("/latest/user-data/../meta-data/mac", "--path-as-is") == "404"
    assert status("/latest/./meta-data/mac", "--path-as-is") == "404"
    assert status("/../../etc/passwd", "--path-as-is") == "404"
    assert status("//latest//meta-data///mac", "--path-as-is") == "200"
    assert status("/latest/meta-data%2fmac") == "404"
    assert status("/latest/meta-data/%6dac") == "200"
    assert status("/latest/meta-data/mac?x=1#y") == "200"
    assert ecs.modes() == {"token_request": 1, "token_authenticated": 8}
    assert ecs.journal()[2]["path"] == "/latest/user-data/../meta-data/mac"


@pytest.mark.parametrize("options", [("--compressed",), ("-r", "0-3"), ("-z", "2030-01-01"), ("-L",)], ids=" ".join)
def test_ignored_request_options(ecs: Ecs, options: tuple[str, ...]) -> None:
    """The service ignores compression, ranges and conditions, and returns the whole value."""
    output = ecs.output("curl", "-s", *options, "-w", " %{http_code}", "-H", get_token(ecs), DATA + "instance-id")
    assert output.split()[-1] == "200"
    # -z compares dates in curl; without Last-Modified there is no date to compare.
    assert output.split()[0] == ecs.instance_id


def test_retry(ecs: Ecs) -> None:
    """--retry waits for the time in Retry-After if the service is busy."""
    busy = {"kind": "status", "status": 503, "retry_after": 1, "on": "token", "times": 1}
    ecs.set(faults=[busy])
    get_token(ecs, "--fail", "--retry", "2")
    assert ecs.requests() == ["PUT /latest/api/token token_request 503", TOKEN_REQUEST]


def test_metadata_service_taken_for_a_proxy(ecs: Ecs) -> None:
    """The service accepts a request line with an absolute URL, which clients send to a proxy."""
    arguments = ("--proxy", SERVICE + ":80", "-H", get_token(ecs))
    assert ecs.output("curl", "-s", *arguments, DATA + "instance-id") == ecs.instance_id
    assert ecs.requests() == [TOKEN_REQUEST, INSTANCE_ID]


def test_forwarding_proxy(ecs: Ecs, proxy: Callable[[], str]) -> None:
    """A proxy that adds its client's address gets no token; --noproxy sends the request directly."""
    address = proxy()
    arguments = ("-s", "-X", "PUT", "-H", TTL + "60", TOKEN_URL)
    assert error_page(403, "Forbidden") in ecs.output("curl", *arguments, http_proxy=address)
    token = ecs.output("curl", *arguments, "--noproxy", "*", http_proxy=address)
    # The documentation does not say whether a forwarded GET is accepted; the emulator has a switch for it.
    read = ("curl", "-s", "-H", "X-aliyun-ecs-metadata-token: " + token, DATA + "instance-id")
    assert ecs.output(*read, http_proxy=address) == ecs.instance_id
    assert ecs.requests() == ["PUT /latest/api/token token_request 403", TOKEN_REQUEST, INSTANCE_ID]
    assert [entry["forwarded"] for entry in ecs.journal()] == [True, False, True]


def test_dead_proxy(ecs: Ecs) -> None:
    """A proxy variable in the environment makes scripts without --noproxy fail."""
    command = ("curl", "-s", "-X", "PUT", "-H", TTL + "60", TOKEN_URL)
    assert ecs.run(*command, http_proxy="http://127.0.0.1:9").returncode == 7
    assert ecs.requests() == []
    assert ecs.run(*command, http_proxy="http://127.0.0.1:9", no_proxy="100.100.100.200").returncode == 0
    assert ecs.requests() == [TOKEN_REQUEST]
